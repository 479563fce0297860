"""space_restore: a new snapshot equal to an old one."""

from __future__ import annotations

from space_sql.dataset.restore import restore
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, version: str | None) -> Result:
    """Commit it."""
    return restore(session, session.view(path), options, version)
