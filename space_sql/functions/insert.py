"""space_insert: see space_sql.dataset.insert."""

from __future__ import annotations

from space_sql.dataset.insert import Insert
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.dataset.write import source_rows


def rows(session: Session, options: Options, path: str | None, source: str | None, evolve: bool | None) -> Rows:
    """The rows to stage."""
    return source_rows(session, session.view(path), options, source)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    source: str | None,
    evolve: bool | None,
) -> Insert:
    """The write that takes those rows."""
    return Insert(session, session.view(path), options, source_type, evolve=bool(evolve))
