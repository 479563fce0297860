"""Counts, sums and extremes of integers and decimals: what changed is added to the stored rows of the groups.

Nothing is kept beside the view: a group's count is a column of it, or follows from others. A group is computed from
its rows where that is not so: rows left it and the view does not count them, a least or greatest value left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from space_sql.dataset.engine import cursor
from space_sql.dataset.scan import FILE, POS
from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.block import Block, select
from space_sql.views.relation import WEIGHT, Build, Merging, netted
from space_sql.views.rules import linear, stored
from space_sql.views.tree import Node

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_TIMES = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_EXACT_DOUBLE = 1 << 53
_SAME_QUOTIENT = 2048
"""Below this count, a quotient is the same whether it is rounded once or twice."""
_EXTREMES = {"min": ("least", "<="), "max": ("greatest", ">=")}

Columns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Item:
    """An aggregate of a view: its column, and the number of its argument, None for ``count(*)``."""

    function: str
    column: str
    type: str
    argument: int | None = None

    @property
    def old(self) -> str:
        """What is stored."""
        return f"s.{quote_identifier(self.column)}"


@dataclass(frozen=True)
class Merge:
    """The groups of a view whose aggregates can be added up."""

    keyed: tuple[str, ...]
    arguments: tuple[Node, ...]
    full: tuple[bool, ...]
    items: tuple[_Item, ...]
    columns: tuple[tuple[str, str], ...]

    def delta(self, build: Build, block: Block, keys: Sequence[Node]) -> tuple[str, str, str]:
        """Names of the touched groups and of those to compute anew, and the weighted rows of the others."""
        node = block.node
        before = block.inside(
            select([*keys, *self.arguments], node["from_table"], tree.conjuncts(node["where_clause"]))
        )
        shown = build.columns(before.sql(before.new))
        rows = build.table(
            f"_space_rows_{build.next()}",
            netted(shown, linear.delta(build, before, shown)) if self._nets else linear.delta(build, before, shown),
            (*shown, (WEIGHT, "BIGINT")),
            kept=True,
        )
        key_columns = shown[: len(keys)]
        sums = [f"_space_k{i}" for i in range(len(keys))]
        sums.append(f"sum({WEIGHT}) AS n")
        if self._nets:
            sums.append(f"coalesce(bool_or({WEIGHT} < 0), false) AS gone")
        for i, (_, type_) in enumerate(shown[len(keys) :]):
            sums += self._sums(i, f"_space_k{len(keys) + i}", type_)
        groups = ", ".join(f"_space_k{i}" for i in range(len(keys)))
        values = ", ".join(
            f"{value} AS v{i}" for i, value in enumerate([self._anew(), self._count(), *map(self._value, self.items)])
        )
        grouped = f"FROM (SELECT {', '.join(sums)} FROM {rows} GROUP BY {groups}) AS t LEFT JOIN"
        name = f"_space_merged_{build.next()}"
        on = f"AS s ON {stored.same(self.keyed)}"
        build.name(name, f"SELECT t.*, {values} {grouped} {stored.TABLE} {on}", kept=True)
        touched = build.table(f"_space_keys_{build.next()}", f"SELECT {groups} FROM {name}", key_columns)
        anew = build.table(
            f"_space_keys_{build.next()}", f"SELECT {groups} FROM {name} WHERE v0", key_columns, kept=True
        )
        places = {key: f"_space_k{i}" for i, key in enumerate(self.keyed)}
        places |= {item.column: f"v{i + 2}" for i, item in enumerate(self.items)}
        stands = ", ".join(f"{item.old} AS o{i}" for i, item in enumerate(self.items, 2))
        same = " AND ".join(f"o{i} IS NOT DISTINCT FROM v{i}" for i, _ in enumerate(self.items, 2)) or "true"
        placed = f"SELECT t.*, {values}, {stands or 'NULL AS o'}, s.{FILE}, s.{POS} {grouped} {stored.PLACED} {on}"
        build.merging = Merging(
            name,
            f"SELECT *, {same} AS _space_same FROM (\n{placed}\n)",
            self.keyed,
            tuple((column, places[column]) for column, _ in self.columns),
        )
        out = ", ".join(f"{places[column]} AS {quote_identifier(column)}" for column, _ in self.columns)
        return touched, anew, f"SELECT {out}, 1 AS {WEIGHT} FROM {name} WHERE NOT v0 AND v1 > 0"

    def _sums(self, i: int, x: str, type_: str) -> list[str]:
        """What the changed rows of a group say about an argument; all that any function asks for."""
        wanted = {item.function for item in self.items if item.argument == i}
        out = [f"coalesce(sum({WEIGHT}) FILTER ({x} IS NOT NULL), 0) AS c{i}"]
        if self._nets:
            out.append(f"coalesce(bool_or({WEIGHT} < 0 AND {x} IS NOT NULL), false) AS gone{i}")
        if wanted & {"sum", "avg"}:
            decimal = _DECIMAL.fullmatch(type_)
            product = f"{x} * {WEIGHT}::DECIMAL(19, 0)" if decimal else f"{x}::HUGEINT * {WEIGHT}"
            out.append(f"coalesce(sum({product}), 0) AS sum{i}")
        for function in wanted & _EXTREMES.keys():
            out += [f"{function}({x}) FILTER ({WEIGHT} {sign} 0) AS {function}{i}_{word}" for word, sign in _SIGNS]
        return out

    @property
    def _nets(self) -> bool:
        """Whether it matters that a row left and an equal one came: not where the view counts all that it adds up."""
        return (
            self._rows() is None
            or any(item.function in _EXTREMES for item in self.items)
            or not all(full or self._of("count", i) for i, full in enumerate(self.full))
        )

    def _of(self, function: str, argument: int | None) -> _Item | None:
        return next((i for i in self.items if (i.function, i.argument) == (function, argument)), None)

    def _rows(self) -> str | None:
        """How many rows a stored group has, if the view tells."""
        item = self._of("count_star", None)
        for i, full in enumerate(self.full):
            item = item or (self._of("count", i) if full else None)
        return None if item is None else f"coalesce({item.old}, 0)"

    def _values(self, i: int) -> str | None:
        """How many values that are not NULL a stored group has of an argument, if the view tells."""
        item = self._of("count", i)
        if item is not None:
            return f"coalesce({item.old}, 0)"
        if self.full[i] and (rows := self._rows()) is not None:
            return rows
        total, mean = self._of("sum", i), self._of("avg", i)
        if total is None or mean is None:
            return None
        return (
            f"CASE WHEN {mean.old} IS NULL THEN 0 WHEN {mean.old} = 0 THEN NULL "
            f"ELSE round({total.old}::DOUBLE / {mean.old})::BIGINT END"
        )

    def _count(self) -> str:
        rows = self._rows()
        return "1" if rows is None else f"{rows} + t.n"

    def _anew(self) -> str:
        """Whether a group must be computed from its rows."""
        rows = self._rows()
        parts = ["t.gone"] if rows is None else [f"{rows} + t.n < 0"]
        for item in self.items:
            i = item.argument
            if i is None:
                continue
            count = self._values(i)
            if item.function == "count":
                parts.append(f"{count} + t.c{i} < 0")
            elif item.function == "sum":
                gone = f"t.gone{i}" if self._nets else "true"
                parts.append(gone if count is None else f"coalesce({count} + t.c{i} < 0, {gone})")
            elif item.function == "avg":
                least = "" if _divides_once() else f" OR {count} + t.c{i} >= {_SAME_QUOTIENT}"
                parts.append(f"coalesce({count} + t.c{i} < 0 OR abs({self._total(i)}) >= {_EXACT_DOUBLE}{least}, true)")
            else:
                less = _EXTREMES[item.function][1]
                left = f"t.{item.function}{i}_out"
                parts.append(f"({left} IS NOT NULL AND coalesce({left} {less} {item.old}, true))")
        return " OR ".join(parts)

    def _total(self, i: int) -> str:
        item = self._of("sum", i)
        assert item is not None
        return f"coalesce({item.old}, 0) + t.sum{i}"

    def _value(self, item: _Item) -> str:
        """What a group has now."""
        i = item.argument
        if i is None:
            value = self._count()
        elif item.function == "count":
            value = f"{self._values(i)} + t.c{i}"
        elif item.function in _EXTREMES:
            value = f"{_EXTREMES[item.function][0]}({item.old}, t.{item.function}{i}_in)"
        else:
            count = self._values(i)
            none = f"{item.old} IS NULL AND t.c{i} = 0"
            none = none if count is None else f"coalesce({count} + t.c{i} = 0, {none})"
            value = self._total(i) if item.function == "sum" else f"({self._total(i)})::DOUBLE / ({count} + t.c{i})"
            value = f"CASE WHEN {none} THEN NULL ELSE {value} END"
        # A group that is computed anew may have no value here that fits.
        return f"CAST({value} AS {item.type})"


_SIGNS = (("in", ">"), ("out", "<"))


def merge(build: Build, block: Block, keys: Sequence[Node], keyed: Sequence[str], columns: Columns) -> Merge | None:
    """The groups of a SELECT as a merge; None when its aggregates cannot be added up."""
    node = block.node
    if len(node["group_sets"]) > 1 or node["having"] or node["qualify"]:
        return None
    texts = {tree.expression_sql(key) for key in keys}
    arguments: dict[str, Node] = {}
    items = []
    for item, (name, type_) in zip(node["select_list"], columns, strict=True):
        if name in keyed:
            continue
        if tree.expression_sql(item) in texts:
            return None
        function = item.get("function_name", "").casefold()
        given = [expression for _, expression in tree.arguments(item)] if item.get("class") == "FUNCTION" else []
        if item.get("class") != "FUNCTION" or item.get("distinct") or item.get("filter"):
            return None
        if (item.get("order_bys") or {}).get("orders"):
            return None
        if function in ("count", "count_star") and not given:
            items.append(_Item("count_star", name, type_))
            continue
        if function not in ("count", "sum", "avg", "min", "max") or len(given) != 1:
            return None
        if any(n.get("class") in ("SUBQUERY", "STAR") for n in tree.walk(given)):
            return None
        text = tree.expression_sql(given[0])
        arguments.setdefault(text, given[0])
        items.append(_Item(function, name, type_, list(arguments).index(text)))
    full = tuple(_is_full(block, argument) for argument in arguments.values())
    found = Merge(tuple(keyed), tuple(arguments.values()), full, tuple(items), tuple(columns))
    return found if _adds_up(build, block, found) else None


def _adds_up(build: Build, block: Block, found: Merge) -> bool:
    """Whether sums and extremes are over types in which they are exact."""
    if not found.arguments:
        return True
    bare = block.inside(select(list(found.arguments), block.node["from_table"]))
    types = [type_ for _, type_ in build.columns(bare.sql(bare.new))]
    for item in found.items:
        if item.argument is None or item.function == "count":
            continue
        type_ = types[item.argument]
        decimal = _DECIMAL.fullmatch(type_)
        narrow = decimal is not None and int(decimal[1]) < 20
        if item.function == "sum" and not (narrow or type_ in _INTEGERS):
            return False
        if item.function == "avg" and not (type_ in _INTEGERS and found._of("sum", item.argument)):
            return False
        if item.function in _EXTREMES and not (decimal or type_ in _INTEGERS | _TIMES):
            return False
    return True


def _is_full(block: Block, expression: Node) -> bool:
    """Whether an expression is never NULL: columns without NULLs, constants, and +, - and * of them."""
    if any(n.get("type") == "JOIN" and n["join_type"] != "INNER" for n in tree.walk(block.node["from_table"])):
        return False
    kind = expression.get("class")
    if kind == "FUNCTION":
        given = [e for _, e in tree.arguments(expression)]
        return expression["function_name"] in ("+", "-", "*") and all(_is_full(block, e) for e in given)
    if kind == "CONSTANT":
        return tree.constant(expression) is not None
    if kind != "COLUMN_REF":
        return False
    named = [part.casefold() for part in expression["column_names"]]
    leaves = [leaf for leaf in block.leaves if leaf.subquery is None]
    if len(named) > 1:
        leaves = [leaf for leaf in leaves if leaf.alias.casefold() == named[-2]]
    have = [leaf for leaf in leaves if any(n.casefold() == named[-1] for n, _ in leaf.relation.columns)]
    return len(named) < 3 and len(have) == 1 and named[-1] in have[0].relation.full


@cache
def _divides_once() -> bool:
    """Whether this DuckDB's avg rounds the quotient of sum and count once: 1.5 divides with more digits first."""
    total, count = 6493, 2159
    rows = f"SELECT if(range = 0, {total % count}, 0) + {total // count} AS x FROM range({count})"
    with cursor() as con:
        ((same,),) = con.execute(f"SELECT avg(x::BIGINT) = sum(x)::DOUBLE / count(*) FROM ({rows})").fetchall()
    return bool(same)
