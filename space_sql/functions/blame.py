"""space_blame: who wrote each row last."""

from __future__ import annotations

from space_sql.dataset.history import HEAD
from space_sql.dataset.session import Session
from space_sql.functions import snapshots


def read(session: Session, path: str | None, version: str | None) -> str:
    """SQL for one row a row, with the commit that wrote it."""
    from space_sql.dataset.blame import blame_sql  # with Arrow, which other reads do without

    session.check_collation()
    view = session.view(path)
    commits = snapshots.commits_sql(view)
    return blame_sql(view, view.resolve(version, session.branch), commits, HEAD)
