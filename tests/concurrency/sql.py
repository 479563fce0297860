"""Calling Space SQL from tests: one line a call, and errors by kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

Row = tuple[Any, ...]

_LINE = re.compile(r"^(?:[A-Z]\w*(?: [A-Z]\w*)* Error: )?([a-z]+(?:-[a-z]+)*): (\S.*)$")


def literal(value: object) -> str:
    """A Python value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def call_sql(function: str, path: Path | str, *arguments: object, **named: object) -> str:
    """The text of ``function(path, …, name => …)``."""
    parts = [literal(str(path)), *map(literal, arguments)]
    parts += [f"{name} => {literal(value)}" for name, value in named.items()]
    return f"{function}({', '.join(parts)})"


def call(con: duckdb.DuckDBPyConnection, function: str, path: Path | str, *arguments: object, **named: object) -> Row:
    """Run a write; returns ``(snapshot_id, operation, rows_inserted, rows_updated, rows_deleted)``."""
    (row,) = con.execute(f"CALL {call_sql(function, path, *arguments, **named)}").fetchall()
    return tuple(row)


def rows(con: duckdb.DuckDBPyConnection, path: Path | str, **named: object) -> list[Row]:
    """The rows of a version, sorted."""
    found = con.execute(f"FROM {call_sql('space_scan', path, **named)}").fetchall()
    return sorted(found, key=repr)


def kind_and_message(error: duckdb.Error) -> tuple[str, str]:
    """``conflict: the key …`` in its parts; fails when the first line is anything else."""
    first = str(error).split("\n", 1)[0]
    match = _LINE.match(first)
    assert match, f"not one clear line `kind: message`: {error}"
    assert "Traceback" not in str(error), error
    return match[1], match[2]


def kind(error: duckdb.Error) -> str:
    """The kind of an error, like ``conflict``."""
    return kind_and_message(error)[0]
