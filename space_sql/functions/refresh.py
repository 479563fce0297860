"""space_refresh: see space_sql.views.refresh."""

from __future__ import annotations

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.views import refresh
from space_sql.views.ray import engine as named
from space_sql.views.refresh import Refresh


def rows(
    session: Session,
    options: Options,
    path: str | None,
    version: str | None,
    policy: str | None,
    time_zone: str | None,
    settings: str | None,
    engine: str | None,
) -> Rows:
    """The rows by which the view changes."""
    found = refresh.planned(session, path, options, version, policy, time_zone, settings, named(engine))
    return refresh.rows(session, options, found)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    version: str | None,
    policy: str | None,
    time_zone: str | None,
    settings: str | None,
    engine: str | None,
    catalogue: object,
) -> Refresh:
    """The write that takes those rows."""
    found = refresh.planned(session, path, options, version, policy, time_zone, settings, named(engine))
    return Refresh(session, session.view(path), options, found)
