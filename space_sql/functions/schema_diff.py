"""space_schema_diff: which columns differ between two versions."""

from __future__ import annotations

from collections.abc import Iterator

from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Column, Schema
from space_sql.functions.table import table_sql

COLUMNS = {
    "change": "VARCHAR",
    "from_name": "VARCHAR",
    "to_name": "VARCHAR",
    "from_type": "VARCHAR",
    "to_type": "VARCHAR",
    "column_id": "BIGINT",
}


def read(session: Session, path: str | None, from_version: str | None, to_version: str | None) -> str:
    """SQL for one row a change of a column."""
    view = session.view(path)
    if from_version is None:
        raise InvalidInputError("from_version is required: a snapshot id, tag, branch or branch~N")
    before = view.state(view.resolve(from_version)).schema
    after = view.state(view.resolve(to_version, session.branch)).schema
    return table_sql(COLUMNS, _changes(before, after))


def _changes(before: Schema, after: Schema) -> Iterator[dict[str, object]]:
    for old in before.columns:
        new = after.by_id.get(old.id)
        if new is None:
            yield _row("dropped", old, None)
        else:
            if new.name != old.name:
                yield _row("renamed", old, new)
            if new.type != old.type:
                yield _row("retyped", old, new)
    for new in after.columns:
        if new.id not in before.by_id:
            yield _row("added", None, new)


def _row(change: str, old: Column | None, new: Column | None) -> dict[str, object]:
    known = new or old
    return {
        "change": change,
        "from_name": old and old.name,
        "to_name": new and new.name,
        "from_type": old and str(old.type),
        "to_type": new and str(new.type),
        "column_id": known and known.id,
    }
