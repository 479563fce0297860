"""space_rename_column: another name for a column."""

from __future__ import annotations

from space_sql.dataset.columns import rename_column
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, old: str | None, new: str | None) -> Result:
    """Commit it."""
    return rename_column(session, session.view(path), options, old, new)
