"""What a process of Ray does for a refresh: it calls a function for rows, or writes the rows of a fragment.

What it is given to work with stays as long as it works for the same refresh: a function may hold a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from space_sql.dataset.engine import explained
from space_sql.dataset.rewrite import write_query
from space_sql.format.computed import Called
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.types import quote_literal
from space_sql.storage import files as disk
from space_sql.views.computed import Computed
from space_sql.views.evaluate import Columns, evaluate
from space_sql.views.functions import Function

Connect = Callable[[Sequence[Function]], duckdb.DuckDBPyConnection]


@dataclass(frozen=True)
class Work:
    """What the fragments of a refresh share: the view's folder, the columns that are written, and the TimeZone."""

    root: Path
    columns: tuple[Column, ...]
    zone: str
    sync: bool
    connect: Connect
    """Makes a connection that has functions."""

    def relaxed(self) -> Work:
        """The same, but nothing waits for the disk."""
        return replace(self, sync=False)


@dataclass(frozen=True)
class Written:
    """The files of a fragment's rows; of each function how many rows it was asked for, and how many were computed."""

    files: list[DataFile]
    counts: dict[Called, tuple[int, int]]


_functions: dict[Any, Function] = {}
_connection: tuple[list[Any], duckdb.DuckDBPyConnection] | None = None


def evaluated(shipped: Sequence[Any], columns: Columns) -> tuple[pa.Array, float]:
    """Results of a function, and the seconds that they took; it is one object of Ray in a list."""
    function = _function(shipped[0])
    begun = time.monotonic()
    return evaluate(function, columns), time.monotonic() - begun


def written(work: Work, shipped: Sequence[Any], query: str) -> Written:
    """A query's rows, in files that no commit names yet; results of functions are kept with the view.

    Raises:
        SpaceError: nothing was written then, but for what was computed.
    """
    con = _connected(work, list(shipped))
    ((number,),) = con.execute("SELECT _space_connection()").fetchall()
    con.execute(f"SET TimeZone = {quote_literal(work.zone)}")
    computed = Computed(work.root, number, [_function(one).called for one in shipped], sync=work.sync, lasting=True)
    files: list[DataFile] = []
    try:
        # Functions are given Arrow as in the caller's connection, what is written has DuckDB's types: two statements.
        con.execute("SET arrow_lossless_conversion = false")
        con.execute(f"CREATE OR REPLACE TEMP TABLE _space_fragment AS {query}")
        con.execute("SET arrow_lossless_conversion = true")
        files = write_query(con, work.root, "FROM _space_fragment", work.columns, "insert", sync=work.sync)
        con.execute("DROP TABLE _space_fragment")
        computed.end()
    except BaseException as error:
        for file in files:
            disk.remove_quietly(work.root / file.path)
        computed.end()
        if isinstance(error, duckdb.Error):
            raise computed.failed or explained(error) from None
        raise
    return Written(files, computed.counts)


def _function(shipped: Any) -> Function:
    """A function from Ray's store; it is kept."""
    import ray

    if shipped not in _functions:
        _functions[shipped] = ray.get(shipped)
    return _functions[shipped]


def _connected(work: Work, shipped: list[Any]) -> duckdb.DuckDBPyConnection:
    global _connection
    if _connection is None or _connection[0] != shipped:
        if _connection is not None:
            _connection[1].close()
        _connection = shipped, work.connect([_function(one) for one in shipped])
    return _connection[1]
