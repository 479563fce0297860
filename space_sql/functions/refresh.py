"""space_refresh: see space_sql.views.refresh."""

from __future__ import annotations

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result
from space_sql.errors import ConflictError
from space_sql.views import refresh
from space_sql.views.ray import engine as named
from space_sql.views.refresh import Planned, Refresh


def _planned(
    session: Session,
    options: Options,
    path: str | None,
    version: str | None,
    policy: str | None,
    time_zone: str | None,
    settings: str | None,
    engine: str | None,
) -> Planned:
    return refresh.planned(session, path, options, version, policy, time_zone, settings, named(engine))


def staged(session: Session, options: Options, **given: str | None) -> bool:
    """Whether rows must pass the caller's connection."""
    return _planned(session, options, **given).staged


def apply(session: Session, options: Options, *, path: str | None, **given: str | None) -> Result:
    """Refresh a view for which nothing of the caller's is needed."""
    found = _planned(session, options, path, **given)
    if found.staged:
        raise ConflictError("the refresh needs other things than when its statement was prepared; prepare it again")
    return Refresh(session, session.view(path), options, found).commit()


def rows(session: Session, options: Options, **given: str | None) -> Rows:
    """The rows by which the view changes."""
    return refresh.rows(session, options, _planned(session, options, **given))


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    *,
    path: str | None,
    catalogue: object = None,
    **given: str | None,
) -> Refresh:
    """The write that takes those rows."""
    found = _planned(session, options, path, **given)
    return Refresh(session, session.view(path), options, found)
