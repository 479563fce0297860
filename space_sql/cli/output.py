"""The result of a statement, written in the format that was asked for."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType
from rich.console import Console

from space_sql.cli.table import print_table
from space_sql.cli.text import text

MOST_ROWS = 40
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*|BIGNUM")
_QUOTED = re.compile(r'[",\r\n]|^$|^\s|\s$')


class Format(StrEnum):
    """How results are written."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"


def print_result(con: duckdb.DuckDBPyConnection, format_: Format, console: Console) -> None:
    """Write what the last statement of a connection gave; tables are cut after 40 rows, the others are whole."""
    columns = con.description or []
    names, types = [column[0] for column in columns], [column[1] for column in columns]
    match format_:
        case Format.table:
            rows = [_texts(row, types) for row in con.fetchmany(MOST_ROWS + 1)]
            more = f"the first {MOST_ROWS} rows; --format csv writes all" if len(rows) > MOST_ROWS else ""
            right = [_NUMBER.fullmatch(str(type_)) is not None for type_ in types]
            print_table(console, names, rows[:MOST_ROWS], right, more)
        case Format.csv:
            _write(",".join(map(_csv, names)))
            for row in _rows(con):
                _write(",".join(map(_csv, _texts(row, types))))
        case Format.json:
            separator = "["
            for row in _rows(con):
                _write(f"{separator}{json.dumps(_object(names, types, row), ensure_ascii=False)}", end="")
                separator = ",\n "
            _write("[]" if separator == "[" else "]")
        case Format.markdown:
            _write(_markdown(names))
            _write(_markdown(["---"] * len(names)))
            for row in _rows(con):
                _write(_markdown(["NULL" if cell is None else cell for cell in _texts(row, types)]))


def _write(line: str, end: str = "\n") -> None:
    sys.stdout.write(line + end)


def _rows(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := con.fetchmany(10_000):
        yield from rows


def _texts(row: tuple[Any, ...], types: list[DuckDBPyType]) -> list[str | None]:
    return [None if value is None else text(value, type_) for value, type_ in zip(row, types, strict=True)]


def _csv(cell: str | None) -> str:
    if cell is None:
        return ""
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def _markdown(cells: list[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _object(names: list[str], types: list[DuckDBPyType], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: _plain(value, type_) for name, type_, value in zip(names, types, row, strict=True)}


def _plain(value: Any, type_: DuckDBPyType) -> Any:
    """A value in JSON's own terms; what JSON has no word for as DuckDB's text."""
    if value is None or isinstance(value, bool | int):
        return value
    if str(type_) == "JSON":
        return json.loads(value)
    children = type_.children if type_.id in ("list", "array", "struct") else []
    types = [child for _, child in children if isinstance(child, DuckDBPyType)]
    if type_.id in ("list", "array"):
        return [_plain(item, types[0]) for item in value]
    if type_.id == "struct" and isinstance(value, dict):
        return _object(list(value), types, tuple(value.values()))
    written = text(value, type_)
    return float(written) if isinstance(value, float) and math.isfinite(value) else written
