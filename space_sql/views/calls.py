"""What functions in a view are: aggregates, windows, and those that are not the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from space_sql.dataset.deterministic import TIMES, changes
from space_sql.dataset.functions import function_names, with_macros
from space_sql.views import tree
from space_sql.views.relation import NoRule
from space_sql.views.tree import Node

_ANY_ORDER = frozenset(
    [
        *("count", "count_star", "count_if", "countif", "sum", "sum_no_overflow", "avg", "mean", "min", "max"),
        *("bool_and", "bool_or", "bit_and", "bit_or", "bit_xor", "product", "histogram", "entropy", "mad", "median"),
        *("stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "covar_pop", "covar_samp", "corr"),
        *("regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy"),
        *("regr_syy", "quantile", "quantile_cont", "quantile_disc", "kurtosis", "kurtosis_pop", "skewness", "sem"),
        *("fsum", "kahan_sum", "sumkahan", "favg", "geomean", "geometric_mean", "wavg", "weighted_avg"),
    ]
)
"""Aggregates that do not depend on the order of rows, but for the last digits of floating-point sums."""
_LISTS = {"list", "array_agg", "string_agg", "listagg", "group_concat"}
_TIE_FREE = {"WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST"}


@cache
def _aggregates() -> frozenset[str]:
    """Names of the aggregates, and of DuckDB's macros that call them."""
    return with_macros(function_names("function_type = 'aggregate'"))


def outside_subqueries(node: Any) -> Iterator[Node]:
    """Every dictionary of a tree but for what stands in subqueries."""
    return tree.walk(node, lambda n: n.get("class") != "SUBQUERY")


def aggregates(node: Any) -> list[Node]:
    """The aggregates in an expression, but for those over windows."""
    found = tree.walk(node, lambda n: n.get("class") not in ("SUBQUERY", "WINDOW"))
    own = [n for n in found if n.get("class") == "FUNCTION" and n["function_name"].casefold() in _aggregates()]
    over = [
        inner
        for window in windows(node)
        for part in tree.walk([v for k, v in window.items() if k != "class"], lambda n: n.get("class") != "SUBQUERY")
        if part.get("class") == "FUNCTION" and part["function_name"].casefold() in _aggregates()
        for inner in [part]
    ]
    return [*own, *over]


def windows(node: Any) -> list[Node]:
    """The window functions in an expression."""
    return [n for n in outside_subqueries(node) if n.get("class") == "WINDOW"]


def check_functions(node: Node) -> None:
    """Raise NoRule when something in a query is not the same at every call."""
    for part in tree.walk(node):
        kind = part.get("class")
        name = part.get("function_name")
        if kind == "COLUMN_REF" and part["column_names"][-1].casefold() in TIMES:
            name = part["column_names"][-1]
        if isinstance(name, str) and changes(name, part):
            raise NoRule("not-deterministic", f"{name} is not the same at every call")
        if part.get("sample"):
            raise NoRule("not-deterministic", "a sample is not the same at every call")
        if kind == "PARAMETER":
            raise NoRule("not-understood", "a parameter")


def check_aggregate(call: Node) -> None:
    """Raise NoRule when an aggregate depends on the order of rows."""
    name = call["function_name"].casefold()
    given = tree.arguments(call)
    if name in ("min", "max") and len(given) > 1:
        raise NoRule("order-dependent", f"{name} of several rows")
    if name in _ANY_ORDER:
        return
    orders = [tree.expression_sql(o["expression"]) for o in (call.get("order_bys") or {}).get("orders", [])]
    if name in _LISTS and given and tree.expression_sql(given[0][1]) in orders:
        return
    raise NoRule("order-dependent", f"{name} depends on the order of rows: ORDER BY what it collects")


def check_window(window: Node, unique: bool) -> None:
    """Raise NoRule when a window function depends on the order of rows that its ORDER BY leaves open."""
    kind = window["type"]
    if kind in _TIE_FREE:
        return
    if kind == "WINDOW_AGGREGATE":
        name = window["function_name"].casefold()
        rows = any("ROWS" in str(window.get(end)) or "GROUPS" in str(window.get(end)) for end in ("start", "end"))
        if name in _ANY_ORDER and (not rows or unique):
            return
        if unique and name in _LISTS | {"first", "last", "any_value"}:
            return
    elif unique:
        return
    raise NoRule("ties", f"{window['function_name']} depends on how rows with equal ORDER BY are ordered: add the key")
