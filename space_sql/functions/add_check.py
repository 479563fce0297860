"""space_add_check: what rows must fulfil to be committed."""

from __future__ import annotations

from space_sql.dataset.checks import add_check
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(
    session: Session,
    options: Options,
    path: str | None,
    name: str | None,
    predicate: str | None,
    unique_key: bool | None,
) -> Result:
    """Commit it."""
    return add_check(session, session.view(path), options, name, predicate, unique_key=bool(unique_key))
