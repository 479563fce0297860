"""Floating-point values that depend on the order of rows: they may come out otherwise each time they are computed.

A view may show them, and its rows are matched to 1e-9. They cannot be keys, and no condition may depend on them: what
is grouped, joined, made distinct or let through by them would be sought under a value that was never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from space_sql.views import tree
from space_sql.views.block import Block, select
from space_sql.views.calls import aggregates, outside_subqueries, windows
from space_sql.views.relation import Build, NoRule
from space_sql.views.tree import Node

_EXACT = frozenset(
    [
        *("count", "count_star", "count_if", "countif", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or"),
        *("bit_xor", "histogram", "median", "quantile", "quantile_cont", "quantile_disc", "mad", "list", "array_agg"),
        *("string_agg", "listagg", "group_concat"),
    ]
)
_BY_ARGUMENT = {"sum", "avg", "mean", "sum_no_overflow"}
_RANKS = ("WINDOW_RANK", "WINDOW_ROW", "WINDOW_NTILE", "WINDOW_PERCENT", "WINDOW_CUME")
_FLOATS = ("FLOAT", "DOUBLE")


def names(block: Block) -> frozenset[str]:
    """Names of the columns that a block reads and that are inexact, in lower case."""
    return frozenset(name for leaf in block.leaves for name in leaf.inexact)


def columns(build: Build, block: Block, shown: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Names of a block's inexact columns, in lower case."""
    known = set(names(block))
    items = block.node["select_list"]
    output = [name.casefold() for name, _ in shown]
    flagged = []
    for item in items:
        found = mentions(item, known) or any(_is_inexact(build, block, call) for call in _calls(item))
        flagged.append(found)
        if found and item.get("alias"):
            known.add(item["alias"].casefold())
    if not any(flagged) and not known:
        return frozenset()
    if len(items) == len(output) and not any(n.get("class") == "STAR" for n in tree.walk(items)):
        return frozenset(name for name, found in zip(output, flagged, strict=True) if found)
    if any(flagged):
        return frozenset(output)
    return frozenset(output) & known


def mentions(node: Any, known: Iterable[str]) -> bool:
    """Whether one of these columns is named in an expression, subqueries included."""
    wanted = set(known)
    return any(
        wanted.intersection(
            name.casefold() for name in (*(n.get("column_names") or ()), *(n.get("using_columns") or ()))
        )
        for n in tree.walk(node)
    )


def check(build: Build, block: Block, keys: Sequence[Node]) -> None:
    """Raise NoRule when an inexact column of what a block reads is a key in it, or decides which rows it has."""
    known = names(block)
    conditions = [block.node[part] for part in ("where_clause", "having", "qualify")]
    told = [(call, block.node["from_table"]) for condition in conditions for call in _calls(condition)]
    told.extend(_in_subqueries(conditions))
    if any(_is_inexact(build, block, call, among) for call, among in told):
        raise refused(["a condition"])
    if any(leaf.inexact for leaf in block.leaves if leaf.subquery is not None):
        raise refused(["a subquery"])
    if not known:
        return
    joins = [n for n in tree.walk(block.node) if n.get("type") == "JOIN"]
    sought = [n for n in tree.walk(block.node) if n.get("class") == "SUBQUERY"]
    over = [w["partitions"] for w in windows([block.node["select_list"], block.node["qualify"]])]
    joined = [[j.get("condition"), {"using_columns": j.get("using_columns")}] for j in joins]
    natural = any(j.get("ref_type") == "NATURAL" for j in joins)
    if natural or mentions([list(keys), conditions, sought, over, joined], known):
        raise refused(known)


def refused(known: Iterable[str]) -> NoRule:
    """The reason for inexact keys."""
    shown = ", ".join(sorted(known))
    return NoRule(
        "inexact-key",
        f"{shown}: a floating-point sum differs in the last digits, and decides which rows there are: use DECIMAL",
    )


def _calls(item: Any) -> list[Node]:
    return [*aggregates(item), *windows(item)]


def _in_subqueries(conditions: Any) -> Iterator[tuple[Node, Node]]:
    """The calls in the subqueries of conditions, each with the FROM that it reads."""
    for part in tree.walk(conditions):
        inner = part["subquery"]["node"] if part.get("class") == "SUBQUERY" else {}
        for member in ("select_list", "having", "qualify"):
            yield from ((call, inner["from_table"]) for call in _calls(inner.get(member)))


def _is_inexact(build: Build, block: Block, call: Node, among: Node | None = None) -> bool:
    name = call["function_name"].casefold()
    if name in _EXACT or str(call.get("type")).startswith(_RANKS):
        return False
    if call.get("class") == "WINDOW" and call["type"] != "WINDOW_AGGREGATE":
        return False
    given = [n for _, n in tree.arguments(call)]
    if name not in _BY_ARGUMENT or not given:
        return True
    inner = [n for n in outside_subqueries(given) if n.get("class") in ("FUNCTION", "WINDOW")]
    if aggregates(inner):
        return True
    bare = block.inside(select([given[0]], among or block.node["from_table"]))
    try:
        ((_, type_),) = build.columns(bare.sql(bare.new))
    except (NoRule, ValueError):
        return True
    return any(part in type_ for part in _FLOATS)
