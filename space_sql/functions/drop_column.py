"""space_drop_column: a column less."""

from __future__ import annotations

from space_sql.dataset.columns import drop_column
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, name: str | None) -> Result:
    """Commit it."""
    return drop_column(session, session.view(path), options, name)
