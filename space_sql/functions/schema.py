"""space_schema: the columns of a version."""

from __future__ import annotations

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql

COLUMNS = {
    "column_name": "VARCHAR",
    "column_type": "VARCHAR",
    "primary_key": "BOOLEAN",
    "record_field": "BOOLEAN",
    "column_id": "BIGINT",
    "comment": "VARCHAR",
}


def read(session: Session, path: str | None, version: str | None) -> str:
    """SQL for the columns in their order."""
    view = session.view(path)
    schema = view.state(view.resolve(version, session.branch)).schema
    rows = (
        {
            "column_name": c.name,
            "column_type": str(c.type),
            "primary_key": c.id in schema.primary_keys,
            "record_field": c.record is not None,
            "column_id": c.id,
            "comment": c.comment,
        }
        for c in schema.columns
    )
    return table_sql(COLUMNS, rows)
