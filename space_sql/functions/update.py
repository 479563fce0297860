"""space_update: see space_sql.dataset.update."""

from __future__ import annotations

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.dataset.update import Update, update_query


def rows(session: Session, options: Options, path: str | None, assignments: str | None, predicate: str | None) -> Rows:
    """The changed rows and the positions of the old ones."""
    return update_query(session, session.view(path), options, assignments, predicate)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    assignments: str | None,
    predicate: str | None,
) -> Update:
    """The write that takes those rows."""
    return Update(session, session.view(path), options, source_type, assignments)
