"""space_history: every version of a row."""

from __future__ import annotations

from space_sql.dataset.history import history_sql
from space_sql.dataset.session import Session
from space_sql.functions import snapshots


def read(session: Session, path: str | None, key: str | None) -> str:
    """SQL for the versions of the row on the session's branch, newest first."""
    session.check_collation()
    view = session.view(path)
    commits = snapshots.commits_sql(view)
    return history_sql(view, view.resolve(None, session.branch), key, commits)
