"""space_drop_check: a check less."""

from __future__ import annotations

from space_sql.dataset.checks import drop_check
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, name: str | None) -> Result:
    """Commit it."""
    return drop_check(session, session.view(path), options, name)
