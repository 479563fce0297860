"""The Python host: Space SQL on a DuckDB connection in this process."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from space_sql.cli.text import text
from tests.sqllogic import Error

_LOSSY = re.compile(r"\b(INTERVAL|TIMESTAMP_NS|TIME_NS|UNION|VARIANT|GEOMETRY)\b")


class PythonHost:
    """Connections from ``opener``, which is called like `duckdb.connect`."""

    conditions = frozenset({"python", "connections", "duckdb15" if duckdb.__version__.startswith("1.") else "duckdb20"})

    def __init__(self, opener: Callable[..., duckdb.DuckDBPyConnection]) -> None:
        self._opener = opener

    def connect(self, database: str, read_only: bool) -> PythonConnection:
        """Open a database with times shown in UTC."""
        con = self._opener(database, read_only=read_only)
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        return PythonConnection(con)


class PythonConnection:
    """One DuckDB connection whose results are text."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def execute(self, sql: str) -> list[list[str]]:
        """Run SQL; an Error says what DuckDB said."""
        try:
            self._con.execute(sql)
            rows = self._con.fetchall()
        except duckdb.Error as error:
            raise Error(str(error)) from None
        columns = self._con.description or []
        return [[_exact_text(v, *column[:2]) for v, column in zip(row, columns, strict=True)] for row in rows]

    def cursor(self) -> PythonConnection:
        """Another connection to the same database."""
        return PythonConnection(self._con.cursor())

    def close(self) -> None:
        """Close this connection."""
        self._con.close()


def _exact_text(value: Any, name: str, type_: DuckDBPyType) -> str:
    infinite = isinstance(value, dt.date) and (value.year, value.month, value.day) in ((1, 1, 1), (9999, 12, 31))
    if _LOSSY.search(str(type_)) or infinite:
        raise AssertionError(f"Python loses detail of {name}, {type_} {value}: cast it to VARCHAR in the query")
    return text(value, type_)
