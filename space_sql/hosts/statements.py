"""Statements of a prepared connection on their way to DuckDB: those that address a dataset become calls.

What DuckDB gets is run in the caller's own frame, where it looks for data frames by their names.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import duckdb

from space_sql import errors
from space_sql.dataset.dataset import open_dataset
from space_sql.errors import InvalidInputError, SpaceError
from space_sql.format.types import quote_literal
from space_sql.hosts.copying import COPIED, copied
from space_sql.statements.rewrite import known_to_duckdb, maybe, rewritten
from space_sql.statements.text import split
from space_sql.statements.values import Parameters

_NO_TABLE = re.compile(r"Table with name (.+) does not exist!")
_OURS = re.compile(r"Invalid Input Error: [a-z]+(?:-[a-z]+)*: ")
_TAKEN = ("execute", "sql", "query")
_ROWS = 2048


def take_statements(
    prepared: Callable[[duckdb.DuckDBPyConnection], bool], begins: Callable[[duckdb.DuckDBPyConnection], None]
) -> None:
    """From now on, connections for which ``prepared`` is true take these statements; others are left as they are.

    ``begins`` is called before each statement of any connection.
    """
    kind: Any = duckdb.DuckDBPyConnection  # no module keeps it: a process that loads the extension would report a leak
    if not hasattr(kind.execute, "__wrapped__"):
        execute = kind.execute
        for name in _TAKEN:
            setattr(kind, name, _taking(getattr(kind, name), execute, prepared, begins))
        kind.executemany = _taking_many(kind.executemany, prepared)


def _taking(
    method: Callable[..., Any],
    execute: Callable[..., Any],
    prepared: Callable[[duckdb.DuckDBPyConnection], bool],
    begins: Callable[[duckdb.DuckDBPyConnection], None],
) -> Callable[..., Any]:
    @functools.wraps(method)
    def taken(self: duckdb.DuckDBPyConnection, *arguments: Any, **named: Any) -> Any:
        begins(self)
        frame = sys._getframe(1)
        query = arguments[0] if arguments else named.get("query")
        text = query.query if isinstance(query, duckdb.Statement) else query
        if not isinstance(text, str) or not maybe(text) or not prepared(self):
            try:
                return _in_frame(frame, method, self, *arguments, **named)
            except duckdb.CatalogException as error:
                if isinstance(text, str) and prepared(self) and (lost := _lost(text, error)):
                    raise _as_duckdb(lost) from None
                raise
        by_position = method is execute and len(arguments) > 1
        parameters = arguments[1] if by_position else named.get("parameters", named.get("params"))
        *before, last = statements(self, text)
        for each in before:
            _drain(_run(frame, execute, execute, self, each, None, {}))
        rest = {name: value for name, value in named.items() if name not in {"query", "parameters", "params"}}
        return _run(frame, method, execute, self, last if before else query, parameters, rest)

    return taken


def _run(
    frame: FrameType,
    method: Callable[..., Any],
    execute: Callable[..., Any],
    con: duckdb.DuckDBPyConnection,
    query: Any,
    parameters: Parameters,
    rest: dict[str, Any],
) -> Any:
    def ask(text: str) -> Sequence[tuple[Any, ...]]:
        try:
            rows: Sequence[tuple[Any, ...]] = _in_frame(frame, execute, con, text).fetchall()
        except duckdb.Error as error:  # without the lines of a query that the caller did not write
            raise type(error)(str(error).split("\n\nLINE ", 1)[0]) from None
        return rows

    try:
        found = rewritten(query.query if isinstance(query, duckdb.Statement) else query, parameters, ask)
    except SpaceError as error:
        raise _as_duckdb(error) from None
    if found is not None:
        query, parameters = found.text, found.parameters
        if found.call is not None and found.call.function == COPIED:
            query = copied(found.call, ask) or query
    if parameters is not None:
        rest = {**rest, "parameters" if method is execute else "params": parameters}
    try:
        return _in_frame(frame, method, con, query, **rest)
    except duckdb.CatalogException as error:
        if lost := _lost(str(query), error):
            raise _as_duckdb(lost) from None
        raise
    except duckdb.InvalidInputException as error:
        if found is None or not _OURS.match(str(error)):
            raise
        raise type(error)(str(error).split("\n\nLINE ", 1)[0]) from None  # a line that the caller did not write


def _lost(text: str, error: duckdb.CatalogException) -> SpaceError | None:
    """That there is no dataset, where a text names one by a path in quotes that DuckDB knows nothing of."""
    found = _NO_TABLE.search(str(error))
    named = r"\b(?:from|join|into|update|using)\s+" + re.escape(quote_literal(found[1])) if found else ""
    if found is None or not re.search(named, text, re.IGNORECASE):
        return None
    path, _, version = found[1].rpartition("@")
    try:
        open_dataset(path if path and "/" not in version else found[1])
    except SpaceError as lost:
        return lost
    return None


def _drain(result: Any) -> None:
    """Let a statement come to its end: DuckDB 2.0 computes rows as they are fetched."""
    while result is not None and result.description and result.fetchmany(_ROWS):
        pass


def _taking_many(
    executemany: Callable[..., Any], prepared: Callable[[duckdb.DuckDBPyConnection], bool]
) -> Callable[..., Any]:
    @functools.wraps(executemany)
    def taken(self: duckdb.DuckDBPyConnection, query: Any, parameters: Any = None) -> Any:
        frame = sys._getframe(1)
        text = query.query if isinstance(query, duckdb.Statement) else query
        if isinstance(text, str) and maybe(text) and prepared(self):
            first = next(iter(parameters), None) if parameters else None
            if any((found := rewritten(each, first, lambda _: [])) and found.writes for each in statements(self, text)):
                raise _as_duckdb(InvalidInputError(_MANY))
        return _in_frame(frame, executemany, self, query, parameters)

    return taken


_RAISED = re.compile(
    r"Invalid Input Error: Python exception occurred while executing the UDF: (\w+): (.*?)(?:\n\nAt:.*)?$", re.DOTALL
)
_MANY = "executemany would commit once a row: put the rows into a data frame or table and insert from it"


def _inside(error: duckdb.Error) -> SpaceError | None:
    """What a function of Python raised, of which DuckDB tells in words of its own, 1.5 with places in our code."""
    found = _RAISED.match(str(error))
    kind = getattr(errors, found[1], None) if found else None
    if not found or not isinstance(kind, type) or not issubclass(kind, SpaceError):
        return None
    return kind(found[2].removeprefix(f"{kind.kind}: "))


def _as_duckdb(error: SpaceError) -> duckdb.Error:
    """The error as the functions raise it."""
    return duckdb.InvalidInputException(f"Invalid Input Error: {error.line}")


def statements(con: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """The statements of a text, each as it is written there.

    Raises:
        duckdb.ParserException: DuckDB cannot read one; it shows the place in the text.
    """
    masked = known_to_duckdb(text)
    try:
        found = [each.query for each in con.extract_statements(masked)]
    except duckdb.ParserException as error:
        raise _in_own_words(error, masked, text) from None
    return _slices(text, masked, found) or split(text) or [text]


def _slices(text: str, masked: str, found: Sequence[str]) -> list[str] | None:
    """The text of each statement; None where DuckDB tells others than stand there, as 1.5 does of PIVOT."""
    out, at = [], 0
    for query in found:
        start = masked.find(query, at) if query.strip() else -1
        if start < 0:
            return None
        at = start + len(query)
        out.append(text[start:at])
    return out


def _in_own_words(error: duckdb.ParserException, masked: str, text: str) -> duckdb.ParserException:
    """The error with the lines that the caller wrote."""
    message = str(error)
    for theirs, own in zip(masked.splitlines(), text.splitlines(), strict=True):
        if theirs != own:
            message = message.replace(theirs, own)
    return duckdb.ParserException(message)


def _in_frame(frame: FrameType, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a method of DuckDB where it sees the variables of a frame as those of its caller.

    For JupySQL, whose frames are not those of whoever wrote the cell, they are the notebook's.
    """
    variables, more = frame.f_globals, frame.f_locals
    if str(variables.get("__name__")).startswith("sql.") and "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        variables, more = (shell.user_ns, {}) if shell is not None else (variables, more)
    call = functools.partial(method, *arguments, **named)
    try:
        return eval("_space_call()", variables, {**more, "_space_call": call})
    except duckdb.InvalidInputException as error:
        if told := _inside(error):
            raise _as_duckdb(told) from None
        raise
