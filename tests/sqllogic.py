"""A sqllogictest runner: `.test` files in, a failure with file, line and difference out.

A file is a list of records, separated by empty lines; `#` starts a comment line.

    statement ok                      the SQL below succeeds
    SQL…

    statement error                   the SQL below fails, in one clean line
    SQL…
    ----
    text                              every line occurs in the message; `<REGEX>:…` must be found in it

    query IT [nosort|rowsort|valuesort]   one letter a column: I integer, R number, B boolean, T anything
    SQL…
    ----
    1	one                           rows, cells separated by tabs: NULL, (empty) for '', `<REGEX>:…` for a whole
                                      cell; newline, tab and return inside a value are written \\n, \\t and \\r

Lines put directly before a record:

    skipif C  # reason                not where condition C holds
    onlyif C  # reason                only where it holds
    connection NAME                   on that connection to the same database instead of the first one

Records of one line:

    require C  # reason               skip the rest of the file where C does not hold
    loop i 0 10 … endloop             repeat, with ${i} replaced by 0 to 9
    foreach x a b … endloop           repeat, with ${x} replaced by each word
    load FILE [readonly]              go on in this database file (relative to ${TEST_DIR})
    restart                           close the database with all its connections, open it again
    reconnect                         a new first connection to the same database

Conditions: duckdb15 and duckdb20 (the line of DuckDB), python (functions registered from Python), extension (`LOAD`),
shell, node, and connections: several to one database. Without that a file is left where it first names a connection.

A file begins with `# name:` (its path below `tests/`) and `# description:`. ${TEST_DIR} is an empty folder, the
same for the whole file, ${DATA_DIR} is `tests/data`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.sqllogic_records import Failed, Record, parse

DATA_DIR = Path(__file__).parent / "data"
_CELLS = {
    "I": re.compile(r"-?\d+"),
    "R": re.compile(r"-?(\d+(\.\d+)?(e[+-]\d+)?|inf|nan)"),
    "B": re.compile(r"true|false"),
    "T": re.compile(r".*", re.DOTALL),
}
_UNCLEAN = ("Traceback", "Python exception occurred")
_REGEX = "<REGEX>:"


class Error(Exception):
    """What a host raises when DuckDB refuses a statement; the text is DuckDB's message."""


class Connection(Protocol):
    """One session in a host."""

    def execute(self, sql: str) -> list[list[str]]:
        """Run SQL and give the last result's rows as text: DuckDB's own, with NULL for NULL and '' for ''."""

    def cursor(self) -> Connection:
        """Another session on the same database."""

    def close(self) -> None:
        """End the session."""


class Host(Protocol):
    """A way to run SQL with Space SQL in it."""

    conditions: frozenset[str]

    def connect(self, database: str, read_only: bool) -> Connection:
        """Open a database file, or ':memory:'."""


class Skipped(Exception):
    """The rest of the file does not apply to this host; the text says why."""


def run_file(path: Path, host: Host, test_dir: Path) -> None:
    """Run a `.test` file; Failed or Skipped say why it did not pass."""
    records = parse(path.read_text(encoding="utf-8"))
    session = _Session(host, test_dir)
    try:
        for record in records:
            session.run(record.substituted("TEST_DIR", str(test_dir)).substituted("DATA_DIR", str(DATA_DIR)))
    finally:
        session.close()


class _Session:
    """A database in a host, with its named connections; the first one is named ''."""

    def __init__(self, host: Host, test_dir: Path) -> None:
        self.host = host
        self.test_dir = test_dir
        self.opened: list[Connection] = []
        self.connections: dict[str, Connection] = {}
        self.open(":memory:", read_only=False)

    def open(self, database: str, *, read_only: bool) -> None:
        self.close()
        self.database, self.read_only = database, read_only
        self.connections[""] = self.kept(self.host.connect(database, read_only))

    def close(self) -> None:
        self.connections.clear()
        while self.opened:
            self.opened.pop().close()

    def kept(self, connection: Connection) -> Connection:
        """Remember to close it with the database, not before: a host may close the cursors of a closed connection."""
        self.opened.append(connection)
        return connection

    def run(self, record: Record) -> None:
        for guard in record.guards:
            if guard.keeps_out(self.host.conditions):
                if guard.whole:
                    raise Skipped(f"line {record.line}: {guard.reason}")
                return
        match record.command:
            case ("loop", name, first, end):
                self.repeat(record, name, [str(i) for i in range(int(first), int(end))])
            case ("foreach", name, *values):
                self.repeat(record, name, values)
            case ("load", file, *mode):
                self.open(str(self.test_dir / file), read_only=bool(mode))
            case ("restart",):
                self.open(self.database, read_only=self.read_only)
            case ("reconnect",):
                self.connections[""] = self.kept(self.connections[""].cursor())
            case ("statement", "ok"):
                self.rows(record)
            case ("statement", "error"):
                self.check_error(record)
            case ("query", types, *sort):
                check_rows(record, types, sort[0] if sort else "nosort", self.rows(record))

    def repeat(self, loop: Record, name: str, values: Sequence[str]) -> None:
        for value in values:
            for record in loop.body:
                self.run(record.substituted(name, value))

    def execute(self, record: Record) -> list[list[str]]:
        if record.connection not in self.connections:
            self.connections[record.connection] = self.kept(self.connections[""].cursor())
        return self.connections[record.connection].execute(record.sql)

    def rows(self, record: Record) -> list[list[str]]:
        try:
            return self.execute(record)
        except Error as error:
            raise _failed(record, f"unexpected error:\n{error}") from None

    def check_error(self, record: Record) -> None:
        try:
            self.execute(record)
        except Error as error:
            message = str(error)
        else:
            raise _failed(record, "no error, but one was expected:\n" + "\n".join(record.expected or ()))
        first_line = message.split("\n", 1)[0]
        for text in _UNCLEAN:
            if text in first_line:
                raise _failed(record, f"the first line of the error holds '{text}':\n{message}")
        for wanted in record.expected or ():
            found = re.search(wanted[len(_REGEX) :], message) if wanted.startswith(_REGEX) else wanted in message
            if not found:
                raise _failed(record, f"expected in the error:\n{wanted}\nactual:\n{message}")


def check_rows(record: Record, types: str, sort: str, rows: list[list[str]]) -> None:
    """Compare a result with a record's expectation."""
    for row in rows:
        if len(row) != len(types):
            raise _failed(record, f"'{types}' expects {len(types)} columns, the result has {len(row)}")
        for letter, cell in zip(types, row, strict=True):
            if cell != "NULL" and not _CELLS[letter].fullmatch(cell):
                raise _failed(record, f"type {letter} does not fit the value {cell}")
    actual = [[_shown(cell) for cell in row] for row in rows]
    expected = [line.split("\t") for line in record.expected or ()]
    if sort == "valuesort":
        actual = [[cell] for row in actual for cell in row]
        expected = [[cell] for row in expected for cell in row]
    if sort != "nosort":
        actual.sort()
        expected.sort()
    if len(actual) != len(expected) or not all(map(_same_row, actual, expected)):
        raise _failed(record, "\n".join(["expected:", *_lines(expected), "actual:", *_lines(actual)]))


def _same_row(actual: list[str], expected: list[str]) -> bool:
    return len(actual) == len(expected) and all(map(_same_cell, actual, expected))


def _same_cell(actual: str, expected: str) -> bool:
    if expected.startswith(_REGEX):
        return re.fullmatch(expected[len(_REGEX) :], actual) is not None
    return actual == expected


def _shown(cell: str) -> str:
    return cell.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") or "(empty)"


def _lines(rows: list[list[str]]) -> list[str]:
    return ["\t".join(row) for row in rows] or ["(no rows)"]


def _failed(record: Record, why: str) -> Failed:
    where = f" on connection {record.connection}" if record.connection else ""
    return Failed(f"line {record.line}: {' '.join(record.command)}{where}\n{record.sql}\n\n{why}")
