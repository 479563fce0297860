"""space_delete: see space_sql.dataset.delete."""

from __future__ import annotations

from space_sql.dataset.delete import Delete, delete_query
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options


def rows(session: Session, options: Options, path: str | None, predicate: str | None) -> Rows:
    """The positions to delete."""
    return delete_query(session, session.view(path), options, predicate)


def begin(
    session: Session, options: Options, source_type: str | None, path: str | None, predicate: str | None
) -> Delete:
    """The write that takes those positions."""
    return Delete(session, session.view(path), options)
