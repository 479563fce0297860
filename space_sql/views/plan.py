"""What a refresh does: the query whose rows it stages, and why it is that one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import duckdb

from space_sql.dataset.engine import cursor
from space_sql.errors import InvalidInputError
from space_sql.format.types import parse_type, quote_identifier
from space_sql.views import cost, tree
from space_sql.views.compile import COLLATION, Compiler, Found, collated
from space_sql.views.compiled import STORED, Shape, Touched, add_static, compiled
from space_sql.views.definition import Definition
from space_sql.views.fragments import Fragments, of_all, of_changes
from space_sql.views.functions import declare, stand_in
from space_sql.views.relation import WEIGHT, Build, NoRule, Step, coming, names, netted
from space_sql.views.rules.stored import PLACED_ROWS, Stored
from space_sql.views.sources import Pinned
from space_sql.views.whole import bare, whole, whole_rows

POLICIES = ("auto", "incremental", "full")

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Plan:
    """How a view is brought up to date.

    ``policy`` is ``none``, ``incremental`` or ``full``. ``sql`` gives weighted rows of ``columns``; with ``rebuild``
    they are the whole content, perhaps in other columns than before. ``apart``: it needs nothing of the caller's.
    ``grows``: its rows all come. ``touched``: a quicker way to the same. ``pieces`` are fragments that do the same
    together, if it has them.
    """

    policy: str
    sql: str | None
    columns: tuple[tuple[str, str], ...]
    reason: str | None
    rows_read: int
    rebuild: bool = False
    apart: bool = False
    grows: bool = False
    touched: Touched | None = None
    pieces: Callable[[], Fragments | None] = lambda: None


def plan(
    definition: Definition, sources: Sequence[Pinned], rows: Stored, policy: str, *, collation: bool = False
) -> Plan:
    """The plan for sources between two versions; ``rows`` are the view's, the session may have a ``collation``."""
    stored = rows.columns or ()
    if policy not in POLICIES:
        raise InvalidInputError(f"policy is one of {', '.join(POLICIES)}, not '{policy}'")
    if policy == "full":
        return _full(definition, sources, stored, rows.sql, "asked for", collation)
    try:
        used = used_names(definition.query)
        sources = [source.checked(used).narrowed(used) for source in sources]
        if all(source.old == source.new for source in sources):
            return Plan("none", None, tuple(stored), None, 0)
        if collation:
            raise NoRule(*COLLATION)
        return _incremental(definition, sources, rows, policy)
    except NoRule as reason:
        if policy == "incremental":
            raise InvalidInputError(
                f"this view cannot be refreshed incrementally: {reason.code}: {reason.detail}; "
                "policy => 'full' computes it anew"
            ) from None
        return _full(definition, sources, stored, rows.sql, f"{reason.code}: {reason.detail}", collation)


def _incremental(definition: Definition, sources: Sequence[Pinned], rows: Stored, policy: str) -> Plan:
    stored = rows.columns or ()
    deltas = [source.delta() for source in sources]
    changed = [delta for delta in deltas if delta is not None]
    read = sum(delta.rows for delta in changed)
    if not changed:
        return Plan("none", None, tuple(stored), None, 0)
    shapes = tuple(
        Shape(s.source.name, s.columns, s.key, s.full, d is not None, d is not None and d.grows)
        for s, d in zip(sources, deltas, strict=True)
    )
    made = compiled(definition.query, definition.functions, shapes, definition.static, tuple(stored))
    if not _equal(made.columns, stored):
        raise NoRule("schema-changed", "the view's columns changed")
    if policy == "auto":
        cost.check(made.rules, read, sum(source.state.rows for source in sources), rows.count)
    if made.sql is None:
        return Plan("incremental", None, tuple(stored), None, read)
    texts = {STORED: rows.sql, PLACED_ROWS: rows.placed}
    for shape, source, delta in zip(shapes, sources, deltas, strict=True):
        texts |= shape.texts(source.new_sql(), source.old_sql(), delta.sql if delta is not None else "")
    pieces = partial(of_changes, made, texts, shapes, sources, deltas)
    apart = not definition.functions and not definition.static and not any(s.has_records for s in sources)
    touched = made.touched.filled(texts) if made.touched is not None and apart else None
    return Plan(
        "incremental",
        made.filled(texts),
        tuple(stored),
        None,
        read,
        apart=apart,
        grows=made.grows,
        touched=touched,
        pieces=pieces,
    )


@lru_cache(maxsize=256)
def used_names(query: str) -> frozenset[str] | None:
    """Every name that a query says, in lower case; None when it may read columns that it does not name.

    That is so of ``*``, NATURAL, ``#1``, columns renamed by their places, and a table's name as a value: its row.
    """
    names: set[str] = set()
    alone: set[str] = set()
    tables: set[str] = set()
    for part in tree.walk(tree.parse(query)):
        if part.get("class") in ("STAR", "POSITIONAL_REFERENCE") or part.get("ref_type") == "NATURAL":
            return None
        if part.get("column_name_alias"):
            return None
        said = [name.casefold() for name in (*(part.get("column_names") or ()), *(part.get("using_columns") or ()))]
        names.update(said)
        if part.get("class") == "COLUMN_REF" and len(said) == 1:
            alone.update(said)
        if part.get("type") in ("BASE_TABLE", "SUBQUERY"):
            tables.update(str(part.get(member) or "").casefold() for member in ("alias", "table_name"))
    return None if alone & tables else frozenset(names)


def _equal(left: Columns, right: Columns) -> bool:
    """Whether columns have the same names and types, however the types are written."""
    return [(n, parse_type(t)) for n, t in left] == [(n, parse_type(t)) for n, t in right]


def _full(
    definition: Definition, sources: Sequence[Pinned], stored: Columns, stored_sql: str, reason: str, collation: bool
) -> Plan:
    read = sum(source.state.rows for source in sources)
    sql = whole(definition, sources)
    columns = _described(definition, sources) or _as_before(definition, sources, stored)
    # Rows that a collation does not tell apart cannot be netted.
    rebuild = not _equal(columns, stored) or collation or collated(definition.query)
    pieces = partial(of_all, definition, sources, columns, None if rebuild else stored_sql)
    if rebuild:
        shown = names(columns)
        rows = f"SELECT {shown}, 1::BIGINT AS {WEIGHT} FROM (\n{sql}\n)"
        return Plan("full", rows, columns, reason, read, True, pieces=pieces)
    rows = f"{whole_rows(definition, sources, columns)}\nUNION ALL\n{coming(columns, stored_sql, -1)}"
    return Plan("full", netted(columns, rows), columns, reason, read, pieces=pieces)


def _described(definition: Definition, sources: Sequence[Pinned]) -> tuple[tuple[str, str], ...] | None:
    """The query's columns; None when it calls something of the caller's own."""
    with cursor() as con:
        try:
            for function in definition.functions:
                stand_in(con, function)
            rows = con.execute(f"DESCRIBE FROM (\n{bare(definition, sources)}\n)").fetchall()
        except duckdb.Error:
            return None
    return tuple((str(row[0]), str(row[1])) for row in rows)


def _as_before(definition: Definition, sources: Sequence[Pinned], stored: Columns) -> tuple[tuple[str, str], ...]:
    """The view's columns, where those of its sources are what they were.

    Raises:
        InvalidInputError: they are not: values of a wider type would be cast to the one that the view has.
    """
    used = used_names(definition.query)
    for source in sources:
        try:
            source.checked(used)
        except NoRule as reason:
            if reason.code != "source-expired":
                raise InvalidInputError(
                    f"{reason.detail}, and the view calls something of this connection's own, so its new columns are "
                    "not known: materialize it anew at another path"
                ) from None
    return tuple(stored)


def explained(definition: Definition, sources: Sequence[Pinned]) -> tuple[list[Step], tuple[str, ...]]:
    """How each operator is refreshed when every source changes; and the columns that identify the view's rows.

    Raises:
        NoRule: the view is refreshed in full.
    """
    used = used_names(definition.query)
    sources = [source.checked(used).narrowed(used) for source in sources]
    with cursor() as con:
        declare(con, definition.functions)
        build = Build(con)
        found: dict[str, Found] = {}
        for source in sources:
            columns = source.columns
            nothing = ", ".join(f"NULL::{t} AS {quote_identifier(n)}" for n, t in columns)
            relation = build.add(
                columns, f"SELECT {nothing}", f"SELECT {nothing}", f"SELECT {nothing}, 1 AS {WEIGHT}", source.full
            )
            found[source.source.name] = Found(relation, source.key)
            build.tell("scan", "changes")
        add_static(build, definition.static, found)
        last = Compiler(build, found, Stored()).view(definition.query)
        return build.steps, last.key
