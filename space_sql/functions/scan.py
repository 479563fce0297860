"""space_scan: the rows of a version."""

from __future__ import annotations

from space_sql.dataset.scan import rows_sql
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError


def read(session: Session, path: str | None, version: str | None, as_of: int | None) -> str:
    """SQL for the rows of a version, or of the newest snapshot at ``as_of`` (UTC microseconds)."""
    view = session.view(path)
    if as_of is not None:
        if version is not None:
            raise InvalidInputError("give version or as_of, not both")
        snapshot_id = view.as_of(as_of, session.branch)
    else:
        snapshot_id = view.resolve(version, session.branch)
    state = view.state(snapshot_id)
    return rows_sql(view.dataset.root, list(state.files.values()), state.schema.columns)
