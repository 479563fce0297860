"""space_diff: the net difference of two versions by primary key."""

from __future__ import annotations

from space_sql.dataset.diff import diff_sql
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError


def read(session: Session, path: str | None, from_version: str | None, to_version: str | None) -> str:
    """SQL for the rows that were added, modified or removed between any two versions."""
    session.check_collation()
    view = session.view(path)
    if from_version is None:
        raise InvalidInputError("from_version is required: a snapshot id, tag, branch or branch~N")
    return diff_sql(view, view.resolve(from_version), view.resolve(to_version, session.branch))
