"""Functions of Python that views may call: which connection has which, and in which version.

They belong to a DuckDB instance, as DuckDB's own do; a connection's number tells its instance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from space_sql.errors import NotFoundError
from space_sql.format.computed import Called
from space_sql.format.types import quote_identifier
from space_sql.views import tree
from space_sql.views.relation import NoRule

if TYPE_CHECKING:
    import duckdb

Instance = tuple[str, int]
_EXTENSION = 1 << 32
"""The extension numbers connections by their database's number times this."""


@dataclass(frozen=True)
class Function:
    """A function that is registered: what it is called with, and what is called.

    ``vectorised``: it takes Arrow arrays and returns an array, else values of one row. ``nulls``: it is called with
    NULL too, which else makes its result NULL.
    """

    called: Called
    call: Callable[..., Any]
    vectorised: bool
    nulls: bool


class Known:
    """The functions of this process."""

    def __init__(self) -> None:
        self.connect: Callable[[Sequence[Function]], duckdb.DuckDBPyConnection] | None = None
        """Makes a connection that has functions, also in another process; the host says how."""
        self._lock = threading.Lock()
        self._functions: dict[tuple[Instance, str], Function] = {}
        self._connections: dict[int, Instance] = {}

    def connection(self, number: int, instance: Instance) -> None:
        """Say to which instance a connection belongs."""
        with self._lock:
            self._connections[number] = instance

    def forget(self, number: int) -> None:
        """A connection is gone."""
        with self._lock:
            self._connections.pop(number, None)

    def instance(self, number: int) -> Instance:
        """The instance of a connection."""
        return self._connections.get(number, ("extension", number // _EXTENSION))

    def put(self, instance: Instance, function: Function) -> None:
        """Register a function, in the place of one of that name."""
        with self._lock:
            self._functions[instance, function.called.name.casefold()] = function

    def get(self, instance: Instance, name: str) -> Function | None:
        """The function of a name."""
        return self._functions.get((instance, name.casefold()))

    def of(self, instance: Instance) -> dict[str, Function]:
        """All functions of an instance, by their names in lower case."""
        with self._lock:
            return {name: found for (where, name), found in self._functions.items() if where == instance}


KNOWN = Known()


def called(query: str, known: Mapping[str, Function]) -> tuple[Called, ...]:
    """Those of the known functions that a query calls, by name."""
    if not known:
        return ()
    names = {str(part["function_name"]).casefold() for part in tree.walk(tree.parse(query)) if "function_name" in part}
    return tuple(known[name].called for name in sorted(names & set(known)))


def check_there(noted: Iterable[Called], known: Mapping[str, Function]) -> None:
    """Raise NotFoundError for a function that a view was computed with and that the connection lacks."""
    for one in noted:
        if one.name.casefold() not in known:
            version = "" if one.version is None else f", version {one.version}"
            raise NotFoundError(
                f"the view calls the Python function {one.name}({', '.join(one.parameters)}){version}, which this "
                "connection does not have; register it from Python: space_sql.register_function(con, "
                f"'{one.name}', …)"
            )


def difference(before: Iterable[Called], after: Iterable[Called]) -> str | None:
    """What changed in a view's functions, for people; None when nothing did."""
    old, new = ({one.name.casefold(): one for one in some} for some in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            one, other = old.get(name), new.get(name)
            if one is not None and other is not None and one.version != other.version:
                return f"{other.name} from version {one.version} to {other.version}"
            return f"{name} has other types, or was registered in another way, than when the view was computed"
    return None


def declare(con: duckdb.DuckDBPyConnection, functions: Iterable[Called]) -> None:
    """Let a connection of the engine bind calls of functions: by macros that have their types.

    Raises:
        NoRule: one of them has no version, so nothing says that its results are the same at every call.
    """
    for one in functions:
        if one.version is None:
            raise NoRule("not-deterministic", f"the function {one.name} was registered without a version")
        stand_in(con, one)


def stand_in(con: duckdb.DuckDBPyConnection, one: Called) -> None:
    """A macro in the place of a function, for binding alone.

    It is no constant: DuckDB 1.5 takes an element of a NULL that it knows to be one for an INTEGER.
    """
    names = ", ".join(f"_space_p{i}" for i in range(len(one.parameters)))
    value = f"CASE WHEN _space_p0 IS NULL THEN NULL::{one.returns} END"
    con.execute(f"CREATE OR REPLACE TEMP MACRO {quote_identifier(one.name)}({names}) AS {value}")
