"""Connections to the datasets of a folder as Python's database API has them: duckdb-engine's, with the tables there."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine

from space_sql.errors import NotFoundError
from space_sql.hosts.python import register
from space_sql.hosts.read_only import check_reads
from space_sql.hosts.sandbox import Sandbox
from space_sql.hosts.tables import Tables

_FRESH = 1.0
"""Seconds for which tables are taken to have the columns that they had."""
_KEPT = 16


class _Cursor(duckdb_engine.CursorWrapper):  # type: ignore[misc]
    """A cursor that looks at what it is to run."""

    def __init__(self, con: duckdb.DuckDBPyConnection, wrapper: Connection) -> None:
        super().__init__(con, wrapper)
        self._space = wrapper

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement; one that writes is an error."""
        self._space.before(statement)
        try:
            super().execute(statement, parameters, context)
        except (duckdb.BinderException, duckdb.CatalogException):
            if not self._space.after_all():
                raise
            super().execute(statement, parameters, context)

    def executemany(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement several times; one that writes is an error."""
        self._space.before(statement)
        super().executemany(statement, parameters, context)


class Connection(duckdb_engine.ConnectionWrapper):  # type: ignore[misc]
    """A connection on which the tables are there."""

    def __init__(self, con: duckdb.DuckDBPyConnection, database: Database) -> None:
        super().__init__(con)
        self._space_con = con
        self._space_database = database

    def cursor(self) -> _Cursor:
        """A cursor."""
        return _Cursor(self._space_con, self)

    def before(self, statement: str) -> None:
        """Have the tables as they are now, and refuse what writes."""
        self._space_database.refresh()
        if self._space_database.read_only and statement.lower() not in ("commit", "rollback"):
            with self._space_con.cursor() as judge:
                check_reads(judge, statement)

    def after_all(self) -> bool:
        """Whether a statement that names what is not there may be tried again, with the tables as they are now."""
        return self._space_database.read_only and self._space_database.refresh(now=True)


@dataclass(frozen=True)
class Given:
    """What a URL asks for."""

    root: Path
    version: str | None
    schemas: tuple[str, ...]


class Database:
    """What the connections of one URL share."""

    def __init__(self, given: Given, read_only: bool) -> None:
        self.read_only = read_only
        if read_only:
            box = Sandbox(given.root, version=given.version, schemas=given.schemas)
            self._tables, self._refresh, self._connect = box.tables, box.refresh, box.connect
        else:
            con, tables = register(duckdb.connect(":memory:")), Tables(given.root, given.version, given.schemas)
            self._tables, self._refresh, self._connect = tables, (lambda: tables.refresh(con)), con.cursor
        self._lock = threading.Lock()
        self._refreshed = -_FRESH

    def refresh(self, *, now: bool = False) -> bool:
        """Make the tables anew where datasets have changed; returns whether any were looked for."""
        with self._lock:
            if not now and time.monotonic() - self._refreshed < _FRESH:
                return False
            self._refresh()
            self._refreshed = time.monotonic()
            return True

    def connect(self) -> Connection:
        """Another connection.

        Raises:
            NotFoundError: there are datasets, and none has one of the versions.
        """
        self.refresh()
        have = {schema for schema, _ in self._tables.shown()}
        lost = [version for schema, version in self._tables.versions.items() if schema not in have]
        if lost and self._tables.names():
            raise NotFoundError(f'no dataset below {self._tables.root} has a version "{lost[0]}"')
        return Connection(self._connect(), self)


class _Shared:
    """The read-only databases of this process: Superset makes an engine for each query, which must not cost one."""

    def __init__(self) -> None:
        self._databases: dict[tuple[int, Given], Database] = {}
        self._lock = threading.Lock()

    def get(self, given: Given) -> Database:
        """That of a URL; a process that was forked has its own."""
        key = (os.getpid(), given)
        with self._lock:
            database = self._databases.pop(key, None) or Database(given, True)
            self._databases[key] = database  # the last used is the last to go
            for old in list(self._databases)[:-_KEPT]:
                del self._databases[old]
        return database


SHARED = _Shared()
