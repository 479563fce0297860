"""space_tag: a tag at a version."""

from __future__ import annotations

from space_sql.dataset.refs import add_ref
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, name: str | None, version: str | None) -> Result:
    """Commit it."""
    return add_ref(session, session.view(path), options, "tag", name, version)
