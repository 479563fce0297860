"""space_checks: the checks of a version."""

from __future__ import annotations

from dataclasses import asdict

from space_sql.dataset.session import Session
from space_sql.functions.table import table_sql

COLUMNS = {"name": "VARCHAR", "predicate": "VARCHAR", "unique_key": "BOOLEAN"}


def read(session: Session, path: str | None, version: str | None) -> str:
    """SQL for the checks in the order in which they were added."""
    view = session.view(path)
    schema = view.state(view.resolve(version, session.branch)).schema
    return table_sql(COLUMNS, (asdict(check) for check in schema.checks))
