"""The Python host: puts Space SQL on a DuckDB connection.

The functions belong to the database instance, so all its connections share them. The macros
are temporary: they never enter the user's database file, work on read-only ones, and serve views that
are stored there. Temporary macros belong to one connection, so cursors of a prepared connection
are prepared as they are made.

Source: docs/adr/001-temporary-macros.md.
"""

from __future__ import annotations

import functools
import itertools
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from space_sql.errors import InvalidInputError
from space_sql.functions.calls import FUNCTIONS
from space_sql.hosts.statements import take_statements
from space_sql.storage.shipped import shipped
from space_sql.views.functions import KNOWN, Instance

_LARGE = 1 << 31


def _vector(call: Callable[..., Sequence[bytes | None]]) -> Callable[..., Any]:
    """A function over sequences of values as one over Arrow arrays."""

    @functools.wraps(call)  # DuckDB counts its parameters
    def over_arrow(*columns: Any) -> Any:
        import pyarrow as pa

        values = call(*(column.to_pylist() for column in columns))
        total = sum(len(value) for value in values if value is not None)
        return pa.array(values, pa.binary() if total < _LARGE else pa.large_binary())

    return over_arrow


_CALLS = {function.name: _vector(function.call) if function.vector else function.call for function in FUNCTIONS}
"""They live as long as the process: DuckDB keeps no reference to a function that it may still call."""

_lock = threading.RLock()
_connections = itertools.count(1)
_instances = itertools.count(1)
_named: list[Callable[[], int]] = []
_HELPERS = (
    "_space_session",
    "_space_anew",
    "_space_staged",
    "_space_write",
    "_space_copied",
    "_space_write_report",
    "_space_change",
    "_space_report",
    "_space_before",
    "_space_catalogue",
    "_space_settings",
    "_space_view",
    "_space_answered",
    "_space_define",
    "_space_view_report",
)


def connect(database: str | Path = ":memory:", **arguments: Any) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection on which all Space SQL functions work; takes what ``duckdb.connect`` takes."""
    return register(duckdb.connect(str(database), **arguments))


def register(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Prepare a connection that exists, and its cursors; returns it.

    Does nothing to a prepared one; may be called from several threads.

    Raises:
        InvalidInputError: a transaction is open, which would not see what is registered; it goes on.
    """
    with _lock:
        if con in _prepared:
            return con
        _check_no_transaction(con)
        _prepare_cursors()
        take_statements(_prepared.__contains__, _begins)
        if not _has_functions(con):
            _add_functions(con)
        if not _has_macros(con):
            con.execute(f"CREATE OR REPLACE TEMP MACRO _space_connection() AS {next(_connections)}::BIGINT")
            for statement in macros():
                con.execute(statement)
            instance_of(con)
        _prepared.add(con)
    return con


def instance_of(con: duckdb.DuckDBPyConnection) -> Instance:
    """Which DuckDB instance a prepared connection belongs to; from then on the connection is known to."""
    with _lock:
        if not _has(con, "SELECT _space_python()"):  # the loadable extension brought the functions
            _name_instance(con)
        ((number, connection),) = con.execute("SELECT _space_python(), _space_connection()").fetchall()
    KNOWN.connection(connection, ("python", number))
    _numbers[con] = connection
    weakref.finalize(con, KNOWN.forget, connection).atexit = False
    return "python", number


def _begins(con: duckdb.DuckDBPyConnection) -> None:
    """A connection begins a statement, so its last one is over: it may have failed without a word to us."""
    computed = sys.modules.get("space_sql.views.computed")
    if computed is not None and con in _numbers:
        computed.over(_numbers[con])


def _name_instance(con: duckdb.DuckDBPyConnection) -> None:
    number = next(_instances)

    def instance() -> int:
        return number

    _named.append(instance)  # DuckDB keeps no reference
    with original_cursor(con) as cursor:
        cursor.create_function("_space_python", instance, [], "BIGINT")


def _check_no_transaction(con: duckdb.DuckDBPyConnection) -> None:
    # Outside of a transaction each statement has one of its own.
    first, second = (con.execute("SELECT current_transaction_id()").fetchall() for _ in range(2))
    if first == second:
        raise InvalidInputError(
            "register the connection before BEGIN: its open transaction would not see Space SQL's functions"
        )


@functools.cache
def macros() -> tuple[str, ...]:
    """The CREATE MACRO statements of ``sql/macros``: DuckDB binds them, so helpers come first."""
    folder = shipped("sql/macros")
    public = sorted(path.stem for path in folder.glob("space_*.sql"))
    return tuple((folder / f"{name}.sql").read_text(encoding="utf-8") for name in (*_HELPERS, *public))


def _has(con: duckdb.DuckDBPyConnection, probe: str) -> bool:
    try:
        con.execute(probe).fetchall()
    except duckdb.CatalogException:
        return False
    return True


def _has_functions(con: duckdb.DuckDBPyConnection) -> bool:
    return _has(con, "SELECT _space_ready()")


def _has_macros(con: duckdb.DuckDBPyConnection) -> bool:
    return _has(con, "SELECT _space_session()")


def _add_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Add the functions through a cursor of their own: so they do not keep the connection alive."""
    with original_cursor(con) as cursor:
        for function in FUNCTIONS:
            arrow = function.parameters is None or function.vector
            cursor.create_function(  # type: ignore[call-overload]  # the types vary
                function.name,
                _CALLS[function.name],
                None if function.parameters is None else list(function.parameters),
                function.returns,
                type="arrow" if arrow else "native",
                null_handling="special",
                side_effects=function.volatile,
            )


def add_vector_function(
    con: duckdb.DuckDBPyConnection, name: str, call: Callable[..., Sequence[bytes | None]]
) -> object:
    """Add another function in the place of one over vectors that gives BLOBs, such as ``_space_record``.

    Returns what must be kept as long as the database: DuckDB does not keep it.
    """
    declared = next(function for function in FUNCTIONS if function.name == name)
    over_arrow = _vector(call)
    parameters = list(declared.parameters or ())
    con.create_function(name, over_arrow, parameters, declared.returns, type="arrow", null_handling="special")  # type: ignore[call-overload]
    return over_arrow


original_cursor = duckdb.DuckDBPyConnection.cursor
_original_duplicate = duckdb.DuckDBPyConnection.duplicate
_prepared: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
_numbers: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, int] = weakref.WeakKeyDictionary()


def _prepare_cursors() -> None:
    """From now on, a cursor of a prepared connection is prepared too; others are left as they are."""
    if duckdb.DuckDBPyConnection.cursor is original_cursor:
        duckdb.DuckDBPyConnection.cursor = _preparing(original_cursor)  # type: ignore[assignment,method-assign]
        duckdb.DuckDBPyConnection.duplicate = _preparing(_original_duplicate)  # type: ignore[assignment,method-assign]


def _preparing(
    make: Callable[[duckdb.DuckDBPyConnection], duckdb.DuckDBPyConnection],
) -> Callable[[duckdb.DuckDBPyConnection], duckdb.DuckDBPyConnection]:
    @functools.wraps(make)
    def prepared(self: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        cursor = make(self)
        return register(cursor) if self in _prepared else cursor

    return prepared
