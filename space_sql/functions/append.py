"""space_append: see space_sql.dataset.append."""

from __future__ import annotations

from space_sql.dataset.append import Append
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
) -> Append:
    """The write that takes those rows."""
    return Append(session, session.view(path), options, source_type, evolve=bool(evolve))
