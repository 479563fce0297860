"""DISTINCT, UNION, INTERSECT and EXCEPT: what changed touches whole rows, and these are counted anew.

UNION ALL adds up.
"""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.format.types import quote_identifier
from space_sql.views.relation import WEIGHT, Build, Relation, difference, names

Columns = Sequence[tuple[str, str]]


def cast(columns: Columns, source: Columns, table: str, *, by_name: bool, weight: bool = False) -> str:
    """The rows of a table as a set operation has them."""
    given = {name.casefold(): name for name, _ in source}
    items = []
    for i, (name, type_) in enumerate(columns):
        shown = quote_identifier(name)
        if by_name:
            own = given.get(name.casefold())
            value = quote_identifier(own) if own is not None else "NULL"
        else:
            value = quote_identifier(source[i][0])
        items.append(f"CAST({value} AS {type_}) AS {shown}")
    if weight:
        items.append(WEIGHT)
    return f"SELECT {', '.join(items)} FROM {table}"


def touched(build: Build, columns: Columns, deltas: Sequence[str]) -> str:
    """A name for the distinct rows that occur in deltas."""
    return build.keys(columns, "\nUNION ALL\n".join(f"SELECT {names(columns)} FROM (\n{d}\n)" for d in deltas))


def among_rows(columns: Columns, rows: str, keys: str) -> str:
    """The rows of a query that are among the touched ones; NULL is a value."""
    same = " AND ".join(
        f"_space_q.{quote_identifier(n)} IS NOT DISTINCT FROM _space_t.{quote_identifier(n)}" for n, _ in columns
    )
    return f"SELECT _space_q.* FROM (\n{rows}\n) AS _space_q SEMI JOIN {keys} AS _space_t ON {same}"


def distinct(build: Build, source: Relation) -> Relation:
    """SELECT DISTINCT over a relation."""
    build.tell("distinct", "touched-rows")
    columns = source.columns
    delta = None
    if source.changed:
        keys = touched(build, columns, [f"SELECT {names(columns)} FROM {source.delta}"])
        new, old = (
            f"SELECT DISTINCT * FROM ({among_rows(columns, f'FROM {table}', keys)})"
            for table in (source.new, source.old)
        )
        delta = difference(columns, new, old)
    return build.add(columns, f"SELECT DISTINCT * FROM {source.new}", f"SELECT DISTINCT * FROM {source.old}", delta)


def set_operation(
    build: Build, operator: str, columns: Columns, sources: Sequence[Relation], *, by_name: bool
) -> Relation:
    """UNION, INTERSECT or EXCEPT, with or without ALL, over relations; ``operator`` is its SQL."""

    def whole(tables: Sequence[str], keys: str | None = None) -> str:
        parts = [cast(columns, s.columns, t, by_name=by_name) for s, t in zip(sources, tables, strict=True)]
        if keys is not None:
            parts = [among_rows(columns, part, keys) for part in parts]
        return f"\n{operator}\n".join(f"({part})" for part in parts)

    changed = [s for s in sources if s.changed]
    delta = None
    deltas = [cast(columns, s.columns, s.delta, by_name=by_name, weight=True) for s in changed]
    if operator == "UNION ALL":
        build.tell("union all", "linear")
        delta = "\nUNION ALL\n".join(deltas) or None
    else:
        build.tell(operator.lower(), "touched-rows")
        if changed:
            keys = touched(build, columns, deltas)
            delta = difference(columns, whole([s.new for s in sources], keys), whole([s.old for s in sources], keys))
    grows = operator == "UNION ALL" and all(s.grows for s in changed)
    return build.add(columns, whole([s.new for s in sources]), whole([s.old for s in sources]), delta, grows=grows)
