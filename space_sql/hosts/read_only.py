"""Which statements the page runs: one that only reads, by what DuckDB's own parser makes of it.

The type of a statement is not enough: DuckDB 2.0 takes `WITH x AS (COPY … TO …) SELECT …` for a SELECT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import orjson

from space_sql.errors import InvalidInputError
from space_sql.functions.catalogue import READS

_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_FUNCTIONS = {
    "range",
    "generate_series",
    "unnest",
    "repeat",
    "repeat_row",
    "json_each",
    "json_tree",
    "duckdb_columns",
    "duckdb_functions",
    "duckdb_types",
    "duckdb_views",
    *READS,
}
_REFUSED = re.compile(r"_space_.*|read_.*|query|query_table|getenv|write_log|.*_scan|json_execute.*|glob", re.DOTALL)
_LONGEST = 100_000
_ANALYZE = re.compile(r"\banaly[sz]e\b", re.IGNORECASE)
_HARMLESS = (duckdb.StatementType.TRANSACTION, duckdb.StatementType.RELATION)


def checked(con: duckdb.DuckDBPyConnection, text: str) -> str:
    """The statement as DuckDB writes it, on its own.

    Raises:
        InvalidInputError: it is not one SELECT, or it calls something that is not for the page.
    """
    if len(text) > _LONGEST:
        raise InvalidInputError(f"a statement may have {_LONGEST:,} characters")
    told, statements = _parsed(con, text)
    nodes = list(_nodes(statements))
    for node in nodes:
        _check_node(node)
        _check_function(node)
    if any(node.get("type") == "SHOW_REF" for node in nodes):  # DuckDB 1.5 writes DESCRIBE in a way it cannot read
        return con.extract_statements(text)[0].query.strip().rstrip(";")
    [(written,)] = con.execute("SELECT json_deserialize_sql($1::JSON)", [told]).fetchall()
    return str(written)


def check_reads(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """Raise InvalidInputError unless a statement is one that only reads, whatever functions it calls."""
    for statement in con.extract_statements(text):
        kind = statement.type
        if kind == duckdb.StatementType.SELECT:
            for node in _nodes(_parsed(con, statement.query)[1]):
                _check_node(node)
        elif kind == duckdb.StatementType.EXPLAIN:
            if _ANALYZE.search(statement.query):
                raise InvalidInputError("EXPLAIN ANALYZE runs its statement; this connection is read-only")
        elif kind not in _HARMLESS:
            raise InvalidInputError(f"this connection is read-only: {_name(kind)} is not for it")


def _name(kind: object) -> str:
    return str(kind).rpartition(".")[2]


def _parsed(con: duckdb.DuckDBPyConnection, text: str) -> tuple[str, list[Any]]:
    [(told,)] = con.execute("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", [text]).fetchall()
    parsed = orjson.loads(told)
    if parsed.get("error", True):
        if parsed.get("error_type") == "parser":
            raise InvalidInputError(" ".join(str(parsed["error_message"]).split()))
        raise InvalidInputError("only statements that read: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE")
    if len(parsed["statements"]) != 1:
        raise InvalidInputError("one statement at a time")
    return told, parsed["statements"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            yield at
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)


def _check_node(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
        raise InvalidInputError("only statements that read: nothing in WITH may write")


def _check_function(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if kind == "PARAMETER" or node.get("class") == "PARAMETER":
        raise InvalidInputError("a statement has no parameters here")
    name = str(node.get("function_name", "")).casefold()
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).casefold()
        if name not in _TABLE_FUNCTIONS:
            raise InvalidInputError(
                f"{name}(…) is not for the page: datasets are tables by their names, and space_scan, space_changes, "
                "space_diff and the other reading functions work"
            )
    elif name and name not in READS and _REFUSED.fullmatch(name):
        raise InvalidInputError(f"{name}(…) is not for the page")
