"""Functions of Python on a connection, with a version: views may call them, and keep their results.

Source: docs/views.md, section "Python functions"; docs/adr/015-computed-results.md.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from space_sql.errors import InvalidInputError
from space_sql.format.computed import Called
from space_sql.hosts.python import connect, instance_of, original_cursor, register

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from space_sql.views.functions import Function

_lock = threading.RLock()
_alive: list[Any] = []
"""They live as long as the process: DuckDB keeps no reference to a function that it may still call."""


def register_function(
    con: DuckDBPyConnection,
    name: str,
    function: Callable[..., Any],
    parameters: Sequence[str | Any],
    return_type: str | Any,
    *,
    version: str | None = None,
    vectorised: bool = False,
    null_handling: Literal["default", "special"] = "default",
) -> DuckDBPyConnection:
    """Register a Python function that queries and views may call; returns the connection, which is prepared too.

    Register it again, with the same types, to replace it; with another version where its results are others.

    Args:
        con: a DuckDB connection; all connections to its database have the function.
        name: its name in SQL; none that DuckDB has itself.
        function: takes values of one row and returns one; with ``vectorised``, takes a ``pyarrow.Array`` for each
            parameter and returns an array (or a NumPy array, or a list) with a value for each row.
        parameters: DuckDB types, such as ``'BLOB'`` or ``'FLOAT[]'``.
        return_type: a DuckDB type.
        version: which results it gives. A materialized view keeps them, and computes them anew where the version
            is another. Without one the function counts as not deterministic: views that call it refresh in full.
        vectorised: whether it takes many rows at once, at most 2,048.
        null_handling: ``default``: the result is NULL where an argument is, without a call; ``special``: it is called.

    Raises:
        InvalidInputError: a name that is taken, a type that Python cannot be handed exactly, an open transaction.
    """
    from space_sql.views.functions import KNOWN, Function

    types = tuple(_type(str(given), "takes") for given in parameters)
    called = Called(name, version, types, _type(str(return_type), "returns"))
    if not types:
        raise InvalidInputError(f"the function {name} needs a parameter at least")
    if version is not None and (not isinstance(version, str) or not version):
        raise InvalidInputError(f"version is text, such as 'v1', not {version!r}")
    if null_handling not in ("default", "special"):
        raise InvalidInputError(f"null_handling is default or special, not '{null_handling}'")
    made = Function(called, function, vectorised, null_handling == "special")
    with _lock:
        register(con)
        instance = instance_of(con)
        before = KNOWN.get(instance, name)
        if before is None or (before.called.parameters, before.called.returns) != (types, called.returns):
            _create(con, made, before, instance)
        KNOWN.put(instance, made)
        KNOWN.connect = connection_with
    return con


def connection_with(functions: Sequence[Function]) -> DuckDBPyConnection:
    """A connection of its own database that has functions, with one thread: other processes work beside it."""
    con = connect()
    con.execute("SET threads = 1")
    con.execute("SET python_enable_replacements = false")
    for function in functions:
        called = function.called
        register_function(
            con,
            called.name,
            function.call,
            called.parameters,
            called.returns,
            version=called.version,
            vectorised=function.vectorised,
            null_handling="special" if function.nulls else "default",
        )
    return con


@functools.cache
def _type(given: str, what: str) -> str:
    """A type as DuckDB writes it, if Arrow carries it as it is."""
    with duckdb.connect() as con:
        try:
            ((type_,),) = con.execute(f"SELECT typeof(NULL::{given})").fetchall()
            con.register("_space_carried", con.sql(f"SELECT NULL::{given} AS value").to_arrow_table())
            ((back,),) = con.execute(
                "SELECT typeof(any_value(value)) FROM (SELECT value FROM _space_carried LIMIT 0)"
            ).fetchall()
        except duckdb.Error as error:
            raise InvalidInputError(f"{given} is no type: {str(error).splitlines()[0]}") from error
    if type_ != back:
        raise InvalidInputError(f"a function {what} no {type_}, which Arrow hands over as {back}: cast to that")
    return str(type_)


def _create(con: DuckDBPyConnection, made: Function, before: Function | None, instance: tuple[str, int]) -> None:
    from space_sql.views.computed import results
    from space_sql.views.functions import KNOWN

    name = made.called.name

    def over(*columns: Any) -> Any:
        current = KNOWN.get(instance, name)
        assert current is not None
        return results(instance, current, columns)

    over.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # DuckDB counts its parameters
        [inspect.Parameter(f"p{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(len(made.called.parameters))]
    )
    _alive.append(over)
    there = con.execute("SELECT 1 FROM duckdb_functions() WHERE lower(function_name) = lower(?) LIMIT 1", [name])
    if there.fetchall():
        raise InvalidInputError(
            f"there is a function {name} already"
            + (f"({', '.join(before.called.parameters)}), which returns {before.called.returns}" if before else "")
            + "; choose another name, or a new connection"
        )
    try:
        with original_cursor(con) as cursor:  # so it does not keep the connection alive
            cursor.create_function(  # type: ignore[call-overload]  # the types vary
                name,
                over,
                list(made.called.parameters),
                made.called.returns,
                type="arrow",
                null_handling="special",
                side_effects=made.called.version is None,
            )
    except duckdb.Error as error:
        detail = str(error).splitlines()[0]
        raise InvalidInputError(f"the function {name} cannot be registered: {detail}") from error
