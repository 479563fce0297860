"""space_drop_tag: forget a tag."""

from __future__ import annotations

from space_sql.dataset.refs import drop_ref
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, name: str | None) -> Result:
    """Commit it."""
    return drop_ref(session, session.view(path), options, "tag", name)
