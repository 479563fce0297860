"""Queries as trees: DuckDB's own parser reads them and writes them back, so nothing is read differently.

A tree is what ``json_serialize_sql`` gives; nodes are dictionaries. Both lines of DuckDB are served: where they
name a member differently, the functions here hide it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import duckdb
import orjson

from space_sql.dataset.engine import cursor
from space_sql.errors import InvalidInputError

Node: TypeAlias = dict[str, Any]

_ROUGH = duckdb.__version__.startswith("1.")


@lru_cache(maxsize=512)
def _parsed(sql: str) -> bytes:
    with cursor() as con:
        ((row,),) = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    return str(row).encode()


def parse(sql: str) -> Node:
    """The tree of one query; InvalidInputError unless the text is exactly one."""
    told = orjson.loads(_parsed(sql))
    if told.get("error"):
        raise InvalidInputError(f"the view does not parse: {told.get('error_message', 'unknown error')}")
    if len(told["statements"]) != 1:
        raise InvalidInputError(f"a view is one query, found {len(told['statements'])} statements")
    node: Node = told["statements"][0]["node"]
    return node


def render(node: Node) -> str:
    """A query as text."""
    node = writable(node) if _ROUGH else node
    told = {"error": False, "statements": [{"node": node, "named_param_map": []}]}
    with cursor() as con:
        ((text,),) = con.execute("SELECT json_deserialize_sql(?::JSON)", [orjson.dumps(told).decode()]).fetchall()
    return str(text)


def writable(node: Node) -> Node:
    """The same query, as DuckDB 1.5 can write it: it writes cross joins as commas, which bind less than other joins,
    and numbers like 1e3 as decimals.
    """

    def change(part: Node) -> Node | None:
        if part.get("class") == "CONSTANT" and part["value"]["type"]["id"] in ("DOUBLE", "FLOAT"):
            value = part["value"]
            new = expression(f"CAST('{value['value']!r}' AS {value['type']['id']})")
            return {**new, "alias": part["alias"]}
        if part.get("type") != "JOIN":
            return None
        sides = {side: replaced(part[side], change) for side in ("left", "right")}
        for side, inner in sides.items():
            commas = side == "left" and part["ref_type"] == "CROSS"
            if inner.get("type") == "JOIN" and inner["ref_type"] == "CROSS" and not commas:
                sides[side] = {**inner, "ref_type": "REGULAR", "condition": expression("true")}
        return {**part, "condition": replaced(part["condition"], change), **sides}

    made: Node = replaced(node, change)
    return made


def written(node: Node) -> str:
    """A query as text that reads back as the same joins; InvalidInputError where DuckDB 1.5 writes others."""
    text = render(node)
    if _joins(parse(text)) != _joins(writable(node) if _ROUGH else node):
        raise InvalidInputError(
            "DuckDB 1.5 cannot write a join in brackets behind NATURAL JOIN or POSITIONAL JOIN: "
            "make it a subquery, (SELECT …) AS t"
        )
    return text


def _joins(node: Node) -> list[Any]:
    """How the relations of each FROM with joins are joined; members of a tree come in any order."""

    def shape(part: Node) -> Any:
        if part.get("type") != "JOIN":
            return None
        return part["ref_type"], part["join_type"], shape(part["left"]), shape(part["right"])

    found = (shape(part["from_table"]) for part in walk(node) if isinstance(part.get("from_table"), dict))
    return sorted((one for one in found if one is not None), key=repr)


_ONE = "SELECT 1"


def expression_sql(expression: Node) -> str:
    """An expression as text, without its alias."""
    node = parse(_ONE)
    node["select_list"] = [{**expression, "alias": ""}]
    text = render(node)
    return text.removeprefix("SELECT ")


def expression(sql: str) -> Node:
    """The tree of an expression."""
    found: Node = parse(f"SELECT {sql}")["select_list"][0]
    return found


def table(name: str, alias: str, columns: list[str] | None = None) -> Node:
    """A reference to a table by its plain name."""
    named = f' AS "{alias.replace(chr(34), chr(34) * 2)}"' if alias else ""
    found: Node = parse(f"SELECT * FROM {name}{named}")["from_table"]
    if columns:
        found["column_name_alias"] = columns
    return found


def in_place_of(part: Node, new: Node) -> Node:
    """A table or subquery in the place of another table, with that one's sample and names of columns."""
    return {**new, "sample": part.get("sample"), "column_name_alias": part.get("column_name_alias", [])}


def conjuncts(expression: Node | None) -> list[Node]:
    """The parts of an expression between its outermost ANDs."""
    if expression is None:
        return []
    if expression.get("type") == "CONJUNCTION_AND":
        return [part for child in expression["children"] for part in conjuncts(child)]
    return [expression]


def conjunction(parts: list[Node]) -> Node | None:
    """These expressions, all of which must be true."""
    if len(parts) < 2:
        return parts[0] if parts else None
    whole = expression("true AND true")
    whole["children"] = parts
    return whole


def arguments(call: Node) -> list[tuple[str, Node]]:
    """Names (empty without one) and expressions of what a function is called with."""
    if "arguments" in call:
        return [(a.get("name") or "", a["expression"]) for a in call["arguments"]]
    return [(c.get("alias") or "", c) for c in call.get("children", [])]


def with_arguments(call: Node, expressions: list[Node]) -> Node:
    """The call with other positional arguments."""
    if "arguments" in call:
        return {**call, "arguments": [{"name": "", "expression": e} for e in expressions]}
    return {**call, "children": expressions}


def constant(expression: Node) -> Any:
    """The value of a constant of text, number or truth; Ellipsis for anything else."""
    if expression.get("class") == "CAST":
        return constant(expression["child"])
    if expression.get("class") == "FUNCTION" and expression["function_name"] in ("-", "list_value"):
        return ...
    if expression.get("class") != "CONSTANT":
        return ...
    literal = expression.get("literal")
    if literal is not None:
        kind, text = literal["kind"], literal.get("text")
        if kind == "INTEGER":
            return int(text)
        return text if kind == "STRING" else None if kind == "NULL" else ...
    value = expression["value"]
    if value["is_null"]:
        return None
    if value["type"]["id"] == "DECIMAL":  # 1.5 has 0.5 as 5, with a scale
        return ...
    found = value["value"]
    return found if isinstance(found, str | int | bool) else ...


def position(expression: Node) -> int | None:
    """Which column a whole number in GROUP BY or ORDER BY means, from 0; None for anything else."""
    if expression.get("class") != "CONSTANT":
        return None
    number = constant(expression)
    whole = isinstance(number, int) and not isinstance(number, bool)
    return number - 1 if whole and number > 0 else None


def children(node: Node) -> list[Node]:
    """The queries of a set operation."""
    found: list[Node] = node["children"] if node.get("children") else [node["left"], node["right"]]
    return found


def with_children(node: Node, queries: list[Node]) -> Node:
    """The set operation over other queries."""
    if node.get("children"):
        return {**node, "children": queries}
    return {**node, "left": queries[0], "right": queries[1]}


def walk(node: Any, into: Callable[[Node], bool] = lambda node: True) -> Iterator[Node]:
    """Every dictionary of a tree, from above; below one for which ``into`` is false, none."""
    if isinstance(node, dict):
        yield node
        if not into(node):
            return
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from walk(part, into)


def replaced(node: Any, change: Callable[[Node], Node | None]) -> Any:
    """A copy of a tree in which ``change`` replaced nodes; what it returns is not searched again."""
    if isinstance(node, dict):
        new = change(node)
        if new is not None:
            return new
        return {name: replaced(part, change) for name, part in node.items()}
    if isinstance(node, list):
        return [replaced(part, change) for part in node]
    return node


def copied(node: Node) -> Node:
    """A copy of a tree."""
    return copy.deepcopy(node)


def ctes(node: Node) -> list[tuple[str, Node]]:
    """Names and values of what stands in a query's WITH."""
    found = node.get("cte_map") or {}
    return [(entry["key"], entry["value"]) for entry in found.get("map", [])]


def cte_query(value: Node) -> Node:
    """The query of a WITH entry."""
    found: Node = value["query_node"] if "query_node" in value else value["query"]["node"]
    inner: Node = found.get("node", found)
    return inner
