"""space_history: every version of a row."""

from __future__ import annotations

from space_sql.dataset.history import HEAD, history_sql
from space_sql.dataset.session import Session
from space_sql.functions import snapshots
from space_sql.functions.table import table_sql


def read(session: Session, path: str | None, key: str | None) -> str:
    """SQL for the versions of the row on the session's branch, newest first."""
    view = session.view(path)
    commits = table_sql({name: snapshots.COLUMNS[name] for name in HEAD}, snapshots.entries(view))
    return history_sql(view, view.resolve(None, session.branch), key, commits)
