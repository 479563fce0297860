"""space_changes: the change feed between two versions."""

from __future__ import annotations

from space_sql.dataset.changes import changes_sql
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError


def read(session: Session, path: str | None, from_version: str | None, to_version: str | None) -> str:
    """SQL for what the commits after ``from_version``, up to ``to_version``, did to rows."""
    session.check_collation()
    view = session.view(path)
    if from_version is None:
        raise InvalidInputError("from_version is required: the last snapshot whose changes you have seen")
    return changes_sql(view, view.resolve(from_version), view.resolve(to_version, session.branch))
