"""space_add_column: a new column at the end."""

from __future__ import annotations

from space_sql.dataset.columns import add_column
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, definition: str | None) -> Result:
    """Commit it."""
    return add_column(session, session.view(path), options, definition)
