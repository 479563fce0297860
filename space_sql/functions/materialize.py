"""space_materialize: see space_sql.views.materialize."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.source import source_query
from space_sql.dataset.transact import Options
from space_sql.errors import InvalidInputError
from space_sql.views.materialize import Materialize, computed
from space_sql.views.ray import engine as engine_named


def named(given: object) -> list[str]:
    """A list of names from a list or one name."""
    if given is None:
        return []
    return [str(name) for name in given] if isinstance(given, list) else [str(given)]


def rows(
    session: Session,
    options: Options,
    path: str | None,
    view: str | None,
    primary_keys: object,
    static: object,
    time_zone: str | None,
    settings: str | None,
    engine: str | None,
) -> Rows:
    """The view's rows, as the caller sees them."""
    query = f"FROM {source_query(_required(view))}"
    computed(session, path, engine_named(engine))
    return Rows(query, query)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    view: str | None,
    primary_keys: object,
    static: object,
    time_zone: str | None,
    settings: str | None,
    engine: str | None,
    catalogue: Mapping[str, Any],
) -> Materialize:
    """The write that takes those rows."""
    return Materialize(
        session,
        path,
        options,
        source_type,
        _required(view),
        named(primary_keys),
        named(static),
        catalogue,
        time_zone,
        settings,
        engine_named(engine),
    )


def _required(view: str | None) -> str:
    if view is None or not view.strip():
        raise InvalidInputError("a view is required: its name, or a query over space_scan")
    return view
