"""The functions that hosts put on a connection, as plain Python over text and Arrow.

Errors never leave them as exceptions: a query that is being bound gets SQL that raises the error,
and the macros raise what comes back with a ``!`` in front. So users see one line in every host.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session, Sessions
from space_sql.dataset.transact import Options, Result, find_repeat
from space_sql.errors import InvalidInputError, NotFoundError, SpaceError
from space_sql.format.types import quote_literal
from space_sql.functions.catalogue import APPLIED, READS, STAGED, VALUES, Writing

if TYPE_CHECKING:  # a process that only reads does without Arrow, whose import is half of its start
    import pyarrow as pa

_OPTIONS = ("branch", "message", "author", "expected_snapshot", "commit_key")
_log = logging.getLogger("space_sql")


def _line(error: Exception) -> str:
    if isinstance(error, SpaceError):
        return error.line
    _log.exception("unexpected error", exc_info=error)
    detail = " ".join(str(error).split())
    return f"internal: {type(error).__name__}: {detail}; please report this (nothing was committed)"


def _as_query(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:
        return f"SELECT * FROM query(error({quote_literal(_line(error))}))"


def _as_text(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:
        return "!" + _line(error)


def given_arguments(arguments: str) -> dict[str, Any]:
    """The arguments of a call, which SQL hands over as JSON."""
    try:
        given: dict[str, Any] = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:  # DuckDB writes NaN and infinities as they are
        raise InvalidInputError("an argument is or holds a number that is not finite") from error
    return given


def _split(arguments: str) -> tuple[Options, dict[str, Any]]:
    given = given_arguments(arguments)
    return Options(**{name: given.pop(name, None) for name in _OPTIONS}), given


@dataclass
class Failed:
    """A write that could not begin: its commit says why."""

    error: Exception
    takes_rows = False

    def stage(self, rows: Any) -> None:
        """Nothing is taken."""

    def commit(self) -> Result:
        """Raise what happened."""
        raise self.error

    def abort(self) -> None:
        """Nothing is staged."""


_NO_ROWS = Rows("SELECT NULL AS none WHERE false", "SELECT NULL AS none WHERE false")


def _is_repeat(session: Session, options: Options, given: dict[str, Any]) -> bool:
    """Whether a write's commit key was used: its rows are then not even bound."""
    if options.commit_key is None:
        return False
    try:
        return find_repeat(session.view(given["path"]).dataset, options) is not None
    except NotFoundError:
        return False


class Calls:
    """The functions of this process, with the sessions of all its connections."""

    def __init__(self) -> None:
        self.sessions = Sessions()

    def read(self, function: str, session: str, arguments: str) -> str:
        """``_space_read``: SQL that a read stands for; folded while DuckDB binds."""
        return _as_query(lambda: READS[function](self.sessions.get(session), **given_arguments(arguments)))

    def way(self, function: str, session: str, arguments: str, staged: str) -> str:
        """``_space_way``: SQL that answers a call, alone or with rows of the caller's; folded while DuckDB binds.

        ``staged`` begins a call of the macro ``_space_staged``, wherever the host keeps it.
        """

        def make() -> str:
            options, given = _split(arguments)
            at = self.sessions.get(session)
            told = quote_literal(arguments)
            if not _is_repeat(at, options, given) and STAGED[function].staged(at, options, **given):
                return f"FROM {staged}{quote_literal(function)}, {told}, {told})"
            call = f"_space_apply({quote_literal(function)}, {quote_literal(session)}, {told})"
            return f"WITH _space_done AS MATERIALIZED (SELECT {call} AS _space_answer) FROM _space_done"

        return _as_query(make)

    def typed(self, function: str, session: str, arguments: str) -> str:
        """``_space_typed``: SQL for a write's rows as the caller has them; folded while DuckDB binds."""

        def make() -> str:
            options, given = _split(arguments)
            at = self.sessions.get(session)
            rows: Rows = _NO_ROWS if _is_repeat(at, options, given) else STAGED[function].rows(at, options, **given)
            at.asked[function, arguments] = rows
            return rows.typed

        return _as_query(make)

    def rows(self, function: str, connection: int, arguments: str) -> str:
        """``_space_rows``: SQL for a write's rows as they are staged; its statement asked ``_space_typed`` before."""

        def make() -> str:
            session = self.sessions.latest(connection)
            if session is None or (function, arguments) not in session.asked:
                raise InvalidInputError(f"{function} was called in a way that is not supported; please report this")
            rows: Rows = session.asked[function, arguments]
            return rows.staged

        return _as_query(make)

    def begin(self, function: str, session: str, arguments: str, source_type: str | None) -> int:
        """``_space_begin``: start a write of rows of that type; returns its handle, negative when it takes no rows."""
        at = self.sessions.get(session)
        try:
            options, given = _split(arguments)
            writing = STAGED[function].begin(at, options, source_type, **given)
            handle = self.sessions.start(at, writing)
            return handle if writing.takes_rows else -handle
        except Exception as error:
            return -self.sessions.start(at, Failed(error))

    def record(
        self, paths: Sequence[Any], files: Sequence[Any], rows: Sequence[Any], sizes: Sequence[Any]
    ) -> list[bytes | None]:
        """``_space_record``: records by dataset folder, record file, row and length; NULL for a NULL row."""
        try:
            found: list[bytes | None] = VALUES["space_record"](paths, files, rows, sizes)
        except SpaceError as error:
            raise type(error)(error.line) from None
        return found

    def token(self) -> str:
        """``_space_token``: what marks a file reference as made by this process."""
        text: str = VALUES["space_file"]()
        return text

    def stage(self, handles: Any, rows: Any) -> Any:
        """``_space_stage``: take rows, as Arrow; returns a count of one for each."""
        if len(handles):
            writing: Writing = self.sessions.staged(handles[0].as_py())  # type: ignore[assignment]
            writing.stage(rows)
        return _ones(len(handles))

    def commit(self, handle: int, rows: int | None) -> str:
        """``_space_commit``: publish a write; returns its result as JSON."""

        def make() -> str:
            _, pending = self.sessions.finish(abs(handle))
            writing: Writing = pending  # type: ignore[assignment]
            return orjson.dumps(writing.commit().row()).decode()

        return _as_text(make)

    def apply(self, function: str, session: str, arguments: str) -> str:
        """``_space_apply``: a change without rows; returns its result as JSON."""

        def make() -> str:
            options, given = _split(arguments)
            at: Session = self.sessions.get(session)
            return orjson.dumps(APPLIED[function](at, options, **given).row()).decode()

        return _as_text(make)


@lru_cache(maxsize=8)
def _ones_buffer(length: int) -> pa.Buffer:
    import pyarrow as pa

    return pa.py_buffer((1).to_bytes(8, "little") * length)


def _ones(length: int) -> pa.Array:
    """That many ones; from a buffer, since Arrow's own ways import pandas where it is installed."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), length, [None, _ones_buffer(max(length, 2048))])


@dataclass(frozen=True)
class Function:
    """What a host needs to know of one function.

    ``parameters`` None takes any, as Arrow. With ``vector`` the host calls it for many rows at once: with a
    sequence of Python values (None for NULL) for each parameter, and it returns such a sequence. What a function
    raises is shown to the user; its text is one line.
    """

    name: str
    call: Callable[..., Any]
    parameters: tuple[str, ...] | None
    returns: str
    volatile: bool
    vector: bool = False


def _ready() -> bool:
    """``_space_ready``: whether these functions are there."""
    return True


_calls = Calls()

SESSIONS = _calls.sessions
"""Those of all hosts in this process."""

FUNCTIONS = (
    Function("_space_read", _calls.read, ("VARCHAR",) * 3, "VARCHAR", volatile=False),
    Function("_space_way", _calls.way, ("VARCHAR",) * 4, "VARCHAR", volatile=False),
    Function("_space_typed", _calls.typed, ("VARCHAR",) * 3, "VARCHAR", volatile=False),
    Function("_space_rows", _calls.rows, ("VARCHAR", "BIGINT", "VARCHAR"), "VARCHAR", volatile=False),
    Function("_space_begin", _calls.begin, ("VARCHAR",) * 4, "BIGINT", volatile=True),
    Function("_space_stage", _calls.stage, None, "BIGINT", volatile=True),
    Function("_space_commit", _calls.commit, ("BIGINT", "BIGINT"), "VARCHAR", volatile=True),
    Function("_space_apply", _calls.apply, ("VARCHAR",) * 3, "VARCHAR", volatile=True),
    Function(
        "_space_record",
        _calls.record,
        ("VARCHAR", "VARCHAR", "BIGINT", "BIGINT"),
        "BLOB",
        volatile=False,
        vector=True,
    ),
    Function("_space_token", _calls.token, (), "VARCHAR", volatile=False),
    Function("_space_ready", _ready, (), "BOOLEAN", volatile=False),
)
"""They live as long as the process: DuckDB keeps no reference to a function that it may still call."""
