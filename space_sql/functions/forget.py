"""space_forget: erase rows from every version, to the last byte."""

from __future__ import annotations

from space_sql.dataset.forget import Forget, forget_query
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options


def rows(session: Session, _options: Options, path: str | None, predicate: str | None, dry_run: bool | None) -> Rows:
    """The positions to forget, of all versions as they are now."""
    return forget_query(session.view(path).dataset.view(), predicate)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    predicate: str | None,
    dry_run: bool | None,
) -> Forget:
    """What takes those positions."""
    return Forget(session, session.view(path), options, dry_run=bool(dry_run))
