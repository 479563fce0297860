"""Conditions and orders that give the same rows whenever they are computed: one expression each, over one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from space_sql.dataset.engine import cursor
from space_sql.dataset.functions import function_names, with_macros
from space_sql.dataset.source import predicate_sql
from space_sql.errors import InvalidInputError
from space_sql.format.schema import Schema

_CHANGING = {"getvariable", "current_setting", "current_localtime", "current_localtimestamp", "vector_type", "version"}
"""Functions of which DuckDB says that they depend on their arguments alone."""
TIMES = frozenset({"current_timestamp", "current_date", "current_time", "localtimestamp", "localtime", "today"})
"""What is written without brackets, like a column."""
ROW = "row_"
"""What expressions may call the row."""
_PREFIX = "SELECT NULL ORDER BY "


def condition_sql(condition: str, schema: Schema, what: str) -> str:
    """A condition as an expression in brackets.

    Raises InvalidInputError unless it is one expression that depends on nothing but the row; NotFoundError for a column
    that there is not.
    """
    sql = predicate_sql(condition)
    _check(_parsed(f"SELECT {sql}"), schema, what)
    return sql


def order_sql(order_by: str, schema: Schema) -> str:
    """The terms of an ORDER BY with their directions spelled out, so that no setting changes them."""
    told = _parsed(f"{_PREFIX}\n{order_by}\n")
    if told.get("error"):
        raise InvalidInputError(f"order_by does not parse: {told.get('error_message', 'unknown error')}")
    node = told["statements"][0]["node"]
    modifiers = node.get("modifiers", [])
    if (
        len(told["statements"]) != 1
        or node["type"] != "SELECT_NODE"
        or len(modifiers) != 1
        or modifiers[0]["type"] != "ORDER_MODIFIER"
        or node["from_table"]["type"] != "EMPTY"
        or any(term["expression"]["class"] in ("STAR", "CONSTANT") for term in modifiers[0]["orders"])
    ):
        raise InvalidInputError(f"order_by is written like 'label, score DESC', found: {order_by.strip()}")
    _check(modifiers, schema, "order_by")
    for term in modifiers[0]["orders"]:
        if term["type"] == "ORDER_DEFAULT":
            term["type"] = "ASCENDING"
        if term["null_order"] == "ORDER_DEFAULT":
            term["null_order"] = "NULLS LAST"
    with cursor() as con:
        ((text,),) = con.execute("SELECT json_deserialize_sql(?::JSON)", [orjson.dumps(told).decode()]).fetchall()
    return str(text).removeprefix(_PREFIX)


def _parsed(sql: str) -> Any:
    with cursor() as con:
        ((row,),) = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    return orjson.loads(row)


def _check(parsed: Any, schema: Schema, what: str) -> None:
    nodes = list(nodes_of(parsed))
    parameters = {ref["column_names"][-1].casefold() for n in nodes if "lhs" in n for ref in _columns(n["lhs"])}
    for node in nodes:
        kind = node.get("class")
        if kind == "SUBQUERY":
            raise InvalidInputError(f"{what} cannot have a subquery: rows would depend on more than the version")
        if kind == "WINDOW":
            raise InvalidInputError(f"{what} cannot have a window function: it is computed for each row by itself")
        name = node.get("function_name")
        if kind == "COLUMN_REF":
            names: list[str] = node["column_names"]
            first, last = names[0], names[-1]
            name = last if last.casefold() in TIMES and last.casefold() not in schema.by_name else None
            if name is None and first.casefold() not in parameters | {ROW}:
                schema.column(first)
        if isinstance(name, str) and changes(name, node):
            raise InvalidInputError(f"{what} cannot use {name}: it is not the same at every call")


def parsed_nodes(sql: str) -> Iterator[dict[str, Any]]:
    """All nodes of the tree that DuckDB's parser makes of a statement."""
    return nodes_of(_parsed(sql))


def _columns(parsed: Any) -> Iterator[dict[str, Any]]:
    return (node for node in nodes_of(parsed) if node.get("class") == "COLUMN_REF")


def nodes_of(parsed: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a tree, from above."""
    if isinstance(parsed, dict):
        yield parsed
        parsed = list(parsed.values())
    if isinstance(parsed, list):
        for part in parsed:
            yield from nodes_of(part)


def changes(name: str, call: Mapping[str, Any]) -> bool:
    """Whether a function that is called so depends on the moment, on a setting or on chance."""
    arguments = call.get("arguments") or call.get("children") or []
    if name.casefold() == "age":
        return len(arguments) < 2  # the age today
    return name.casefold() in _changing()


@cache
def _changing() -> frozenset[str]:
    """Names of the functions that always do, and of DuckDB's macros that call them."""
    always = function_names("stability != 'CONSISTENT' AND function_type IN ('scalar', 'aggregate')")
    return with_macros(always | _CHANGING | TIMES)
