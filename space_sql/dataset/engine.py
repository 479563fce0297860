"""The private DuckDB: one in-memory instance a process, for work that is not the caller's.

It never sees the caller's connection. Times are in UTC, and Arrow results keep DuckDB's types.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from space_sql.errors import InvalidInputError, SpaceError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL arrow_lossless_conversion = true",
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL python_enable_replacements = false",
)
_FATAL = (duckdb.InternalException, duckdb.FatalException)
_STORAGE = (duckdb.IOException, duckdb.OutOfMemoryException, *_FATAL)

_lock = threading.Lock()
_instances: dict[int, duckdb.DuckDBPyConnection] = {}
"""Instances by process id: one copied by a fork is kept and never touched, its threads are gone."""


def _unlock_after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock_after_fork)


def _instance() -> duckdb.DuckDBPyConnection:
    with _lock:
        found = _instances.get(os.getpid())
        if found is None:
            found = duckdb.connect(":memory:")
            for setting in _SETTINGS:
                found.execute(setting)
            _instances[os.getpid()] = found
        return found


def _forget(instance: duckdb.DuckDBPyConnection) -> None:
    """Let the next caller have a new instance: after a fatal error this one answers nothing."""
    with _lock:
        if _instances.get(os.getpid()) is instance:
            del _instances[os.getpid()]


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A fresh connection to the engine, closed at the end; use one a thread.

    Raises:
        StorageError, InvalidInputError: in place of the DuckDB error that leaves the block.
    """
    instance = _instance()
    connection = instance.cursor()
    try:
        yield connection
    except duckdb.Error as error:
        if isinstance(error, _FATAL):
            _forget(instance)
        raise explained(error) from error
    finally:
        connection.close()


def query(sql: str, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
    """The result of a query in which each name in `tables` is an Arrow table."""
    with cursor() as connection:
        for name, table in (tables or {}).items():
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


def explained(error: duckdb.Error) -> SpaceError:
    """The SpaceError for a DuckDB error: its message without the kind before, and the query or stack after."""
    text = re.split(r"\n\nLINE |\n+Stack Trace:", str(error), maxsplit=1)[0]
    prefix, found, rest = text.partition(" Error: ")
    message = rest if found and len(prefix) < 40 else text
    if isinstance(error, _STORAGE) or ".parquet" in message:
        return StorageError(message)
    return InvalidInputError(message)
