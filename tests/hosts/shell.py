"""The DuckDB shell: one process a database, fed with statements as a user would type them.

Every value is DuckDB's own text: the shell's list mode writes it as it is, between separators that no value holds.
"""

from __future__ import annotations

import importlib.util
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb

from tests.hosts.child import Child
from tests.sqllogic import Error


def shell() -> Path | None:
    """The shell that `pip install duckdb-cli` brings."""
    package = importlib.util.find_spec("duckdb_cli")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).with_name("duckdb")


@cache
def version(program: Path) -> str:
    """Like 1.5.6."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[0].removeprefix("v")


class ShellHost:
    """Shells that run ``prepare`` first, without the user's ~/.duckdbrc."""

    def __init__(self, program: Path, prepare: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        self._program = program
        self._prepare = prepare
        self._options = options
        line = "duckdb15" if version(program).startswith("1.") else "duckdb20"
        self.conditions = frozenset({"shell", "extension", line})

    def connect(self, database: str, read_only: bool) -> ShellConnection:
        """Start a shell with times shown in UTC."""
        options = [*self._options, *(["-readonly"] if read_only else [])]
        con = ShellConnection([self._program, "-no-init", "-batch", *options, database])
        try:
            for statement in ("SET GLOBAL TimeZone = 'UTC'", *self._prepare):
                con.execute(statement)
        except BaseException:
            con.close()
            raise
        return con


class ShellConnection:
    """The session of one shell."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._typed = Path(self._folder.name) / "typed.sql"
        self._cell, self._row, self._null, self._end = (f"<{secrets.token_hex(8)}>" for _ in range(4))
        self._child = Child(command)
        setup = f".mode list\n.headers off\n.separator {self._cell} {self._row}\n.nullvalue {self._null}\n"
        self._ask(setup)
        if said := self._child.errors():
            raise AssertionError(f"the shell said:\n{said}")

    def execute(self, sql: str) -> list[list[str]]:
        """Run SQL; an Error says what the shell wrote to standard error."""
        rows: list[list[str]] = []
        for statement in _statements(sql):  # the shell itself goes on after an error
            self._typed.write_text(statement, encoding="utf-8")
            written = self._ask(f".read {self._typed}\n")  # a file ends, whatever is left open in it
            if said := self._child.errors():
                raise Error(said.rstrip("\n"))
            *lines, rest = written.split(self._row)
            rows = [[self._text(cell) for cell in line.split(self._cell)] for line in lines]
            if rest:  # a plan is drawn
                rows.append([rest])
        return rows

    def cursor(self) -> ShellConnection:
        """A shell has one connection; files that need another are skipped before."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave the shell; it must end well, or with the 1 that tells of a failed statement."""
        self._folder.cleanup()
        self._child.close(".quit\n", good=(0, 1))

    def _ask(self, typed: str) -> str:
        return self._child.ask(f"{typed}.print {self._end}\n", f"{self._end}\n")

    def _text(self, cell: str) -> str:
        return "NULL" if cell == self._null else cell


def _statements(sql: str) -> list[str]:
    try:
        queries = [statement.query for statement in duckdb.extract_statements(sql)]
    except duckdb.Error:
        return [sql]
    return queries if queries and all(queries) else [sql]  # DuckDB 1.5 makes a PIVOT several, some without text
