"""Refresh: a materialized view is brought up to its sources; result and positions are one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from space_sql.dataset.convert import Converter, TargetColumn
from space_sql.dataset.dataset import View
from space_sql.dataset.overwrite import check_unchanged
from space_sql.dataset.plan import check_storable
from space_sql.dataset.rows import Rows
from space_sql.dataset.scan import rows_sql
from space_sql.dataset.session import Session
from space_sql.dataset.staging import Staging
from space_sql.dataset.transact import Options, Result, Tip, draft
from space_sql.dataset.write import Write, base_state
from space_sql.errors import InvalidInputError, SpaceError, StorageError
from space_sql.format.carriers import is_opaque, physical
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Schema
from space_sql.format.state import State
from space_sql.format.types import Struct, parse_type, quote_identifier
from space_sql.views.apply import WEIGHTS, Applied, RowsMissing, apply, grow
from space_sql.views.combine import combine
from space_sql.views.computed import Computed
from space_sql.views.definition import Definition
from space_sql.views.functions import KNOWN, called, check_there, difference
from space_sql.views.plan import Plan, plan
from space_sql.views.ray import Ray
from space_sql.views.relation import WEIGHT
from space_sql.views.rules.stored import Stored
from space_sql.views.settings import kept_settings, ordinary_settings, zoned
from space_sql.views.sources import Pinned, pinned
from space_sql.views.spread import Spread, spread
from space_sql.views.watermark import watermark


@dataclass(frozen=True)
class Refreshed(Result):
    """What a refresh returns."""

    policy: str = "none"
    sources: tuple[Mapping[str, Any], ...] = ()
    rows_read: int = 0
    reason: str | None = None

    def row(self) -> dict[str, Any]:
        """The result as the row that SQL shows."""
        return {**self.__dict__, "sources": list(self.sources)}


@dataclass(frozen=True)
class Planned:
    """A refresh that a statement is about to do."""

    state: State
    definition: Definition
    sources: tuple[Pinned, ...]
    plan: Plan
    asked: str
    noted: bool
    """Whether the view says what it is computed with: the functions, and what the session changes."""
    computed: Computed | None = None
    apart: bool = False
    """Whether the rows are computed by the private DuckDB, which then writes them as they come."""
    spread: Spread | None = None
    """The fragments whose rows are computed by other processes, if they are."""
    ordinary: bool = False
    """Whether the private DuckDB gives the same as the caller's session: neither settings nor the zone matter."""

    @property
    def staged(self) -> bool:
        """Whether rows must pass the caller's connection."""
        return self.plan.sql is not None and not self.apart and self.spread is None

    @property
    def told(self) -> tuple[Mapping[str, Any], ...]:
        """The sources as the result shows them."""
        return tuple({"path": str(s.root), "from_snapshot": s.old, "to_snapshot": s.new} for s in self.sources)


def planned(
    session: Session,
    path: str | None,
    options: Options,
    version: str | None,
    policy: str | None,
    zone: str | None,
    settings: str | None,
    engine: Ray | None,
) -> Planned:
    """The refresh that a call asks for; all its parts in one statement are given the same one.

    ``zone`` and ``settings`` are those of the caller's connection that change what a query gives; ``engine`` calls the
    functions.
    """
    key = ("space_refresh", f"{path}|{options}|{version}|{policy}")
    found = session.asked.get(key)
    if isinstance(found, Planned):
        return found
    view = session.view(path)
    state = base_state(session, view, options)
    definition = watermark(view, state.snapshot_id)
    known = KNOWN.of(KNOWN.instance(session.connection))
    check_there(definition.functions, known)
    functions = called(definition.query, known)
    differ = difference(definition.functions, functions)
    before, definition = definition.functions, replace(definition, functions=functions)
    root = view.dataset.root
    sources = pinned(session, root, definition, version)
    rows = _stored(root, state)
    policy = policy or "auto"
    if differ is not None and policy == "incremental":
        raise InvalidInputError(
            f"this view cannot be refreshed incrementally: function-changed: {differ}; "
            "policy => 'full' computes it anew, and calls the function that changed"
        )
    collation = bool(session.collation)
    made = plan(definition, sources, rows, policy if differ is None else "full", collation=collation)
    if differ is not None and policy != "full":
        made = replace(made, reason=f"function-changed: {differ}")
    in_zone = zoned(definition, sources)
    other = None
    if in_zone and zone is not None and zone != definition.time_zone:
        other = f"time-zone-changed: {definition.time_zone} to {zone}"
    elif settings is not None and kept_settings(settings) != definition.settings:
        other = "settings-changed: this session has other settings than the one that the view was computed in"
    if other is not None and made.policy != "full":
        if policy == "incremental":
            raise InvalidInputError(
                f"this view cannot be refreshed incrementally: {other}; set it back, "
                "or policy => 'full' computes it anew"
            )
        made = replace(plan(definition, sources, rows, "full", collation=collation), reason=other)
    if zone is not None:
        definition = replace(definition, time_zone=zone)
    if settings is not None:
        definition = replace(definition, settings=kept_settings(settings))
    computed = None
    if functions and made.sql is not None:
        computed = Computed(root, session.connection, functions, sync=session.sync, rows=made.rows_read, engine=engine)
    ordinary = not in_zone and settings == ordinary_settings()
    apart = made.apart and ordinary
    parts = None
    if computed is not None and engine is not None:
        parts = spread(engine, session.connection, definition, computed, made.pieces(), made.rows_read, settings)
    noted = before == functions and other is None
    answer = Planned(state, definition, tuple(sources), made, policy, noted, computed, apart, parts, ordinary)
    session.asked[key] = answer
    return answer


def _stored(root: Path, state: State) -> Stored:
    """The rows that the view has."""
    columns = state.schema.columns
    named = tuple((c.name, str(c.type)) for c in columns)
    files = list(state.files.values())
    placed = rows_sql(root, files, columns, positions=True)
    return Stored(rows_sql(root, files, columns), named, state.rows, placed)


def rows(session: Session, options: Options, found: Planned) -> Rows:
    """The queries over the weighted rows."""
    made = found.plan
    typed = ", ".join(f"NULL::{t} AS {quote_identifier(n)}" for n, t in (*made.columns, (WEIGHT, "BIGINT")))
    typed = f"SELECT {typed} WHERE false"
    if made.sql is None or not found.staged:
        return Rows(typed, typed)
    items = []
    for name, text in made.columns:
        type_, shown = parse_type(text), quote_identifier(name)
        carried = is_opaque(type_)
        items.append(f"CAST({shown} AS {physical(type_)}) AS {shown}" if carried else shown)
    return Rows(typed, f"SELECT {', '.join(items)}, {WEIGHT} FROM (\n{made.sql}\n)")


class Refresh(Write):
    """Weighted rows on their way into a view."""

    operation = "refresh"

    def __init__(self, session: Session, view: View, options: Options, found: Planned) -> None:
        super().__init__(session, view, options)
        self.found, self.done = found, found.plan
        if self.repeat is not None or found.plan.policy == "none" or found.apart:
            return
        self.schema = _rebuilt(found) if found.plan.rebuild else found.state.schema
        if found.spread is not None:
            zone = found.definition.time_zone
            self.staging = found.spread.store(view.dataset.root, self.schema.columns, zone)
            return
        columns = [*self.schema.columns, WEIGHTS]
        source = Struct(tuple((c.name, c.type) for c in columns))
        targets = [TargetColumn(c.name, c.type, c.id) for c in columns]
        carried = [c.name for c in columns if is_opaque(c.type)]
        self.staging = Staging(view.dataset.root, "insert", Converter(source, targets, carried=carried), columns)

    def commit(self) -> Result:
        """Publish, unless there was nothing to do."""
        if self.repeat is None and self.found.plan.policy == "none":
            return self._told(Result(self.found.state.snapshot_id, self.operation))
        result = self._told(super().commit())
        if self.found.computed is not None:
            self.found.computed.end(merge=True)
        return result

    def abort(self) -> None:
        """Remove what was staged; what functions computed stays for the next refresh."""
        super().abort()
        if self.found.computed is not None:
            self.found.computed.end()

    def _told(self, result: Result) -> Refreshed:
        made = self.done
        return Refreshed(
            **result.row(), policy=made.policy, sources=self.found.told, rows_read=made.rows_read, reason=made.reason
        )

    def _anew(self, state: State, error: SpaceError) -> Applied:
        """The whole result in place of a delta that does not fit, or that DuckDB fails at: for most views sources do.

        Raises:
            SpaceError: that error, where this fails too.
        """
        found, root = self.found, self.view.dataset.root
        if not found.ordinary:
            raise error
        made = plan(found.definition, found.sources, _stored(root, state), "full")
        if made.rebuild or made.sql is None:
            raise error
        try:
            done = apply(root, state, made.sql, sync=self.session.sync)
        except SpaceError:  # the query needs something of the caller's own
            raise error from None
        reason = f"duckdb-error: {error}"
        if isinstance(error, RowsMissing):
            reason = "rows-not-found: rows that should leave the view were not in it"
        self.done = replace(made, reason=reason)
        return done

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The delta put on the stored rows, with the new positions."""
        found = self.found
        check_unchanged(found.state, tip, self.operation)
        root, state = tip.view.dataset.root, tip.state
        removed: tuple[int, ...] = ()
        schema = None
        if found.plan.rebuild:
            removed, schema = tuple(state.files), self.schema
            state = State(state.snapshot_id, self.schema, {})
        made = found.plan
        try:
            if found.apart and made.touched is not None:
                done = combine(root, state, made.touched, sync=self.session.sync)
            elif found.apart and made.grows and made.sql is not None:
                done = grow(root, state, made.sql, sync=self.session.sync)
            elif found.spread is not None:
                done = found.spread.applied(root, state, files, sync=self.session.sync)
            else:
                done = apply(root, state, (made.sql if found.apart else None) or files, sync=self.session.sync)
        except (RowsMissing, StorageError, InvalidInputError) as error:
            if found.asked != "auto" or found.plan.policy == "full":
                raise
            done = self._anew(state, error)
        still = all(source.old == source.new for source in found.sources) and not found.plan.rebuild
        still = still and found.noted
        if still and not done.files and not done.deletes:
            return None
        told = {
            "policy": self.done.policy,
            "reason": self.done.reason,
            "rows_read": self.done.rows_read,
            "from": {s.source.name: s.old for s in found.sources},
        }
        definition = found.definition.at({s.source.name: s.new for s in found.sources}, told)
        ids = {s.source.name: s.view.dataset.id for s in found.sources}
        definition = replace(definition, sources=tuple(replace(s, dataset_id=ids[s.name]) for s in definition.sources))
        return draft(
            tip,
            self.operation,
            rows_inserted=done.inserted,
            rows_updated=done.updated,
            rows_deleted=done.deleted + sum(tip.state.files[n].live for n in removed),
            files_removed=removed,
            files_added=done.files,
            deletes_added=done.deletes,
            schema=schema,
            view=definition.encode(),
        )


def _rebuilt(found: Planned) -> Schema:
    """The view's schema with the columns that its query has now; those that stayed keep their ids."""
    old = found.state.schema
    columns = []
    grown = old
    for name, text in found.plan.columns:
        type_ = parse_type(text)
        check_storable(name, type_)
        kept = old.by_name.get(name.casefold())
        if kept is not None and kept.type == type_:
            columns.append(replace(kept, name=name))
            continue
        bare = replace(grown, columns=tuple(c for c in grown.columns if c.name.casefold() != name.casefold()))
        grown = bare.added(name, type_, declared=True)
        columns.append(grown.columns[-1])
    ids = {c.id for c in columns}
    whole = len(old.primary_keys) == len(old.columns) or not ids.issuperset(old.primary_keys)
    keys = tuple(c.id for c in columns) if whole else old.primary_keys
    return replace(old, columns=tuple(columns), primary_keys=keys)
