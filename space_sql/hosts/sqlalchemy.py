"""SQLAlchemy: `space:///folder` shows the datasets below a folder as tables; made of duckdb-engine's dialect.

`space:///folder?version=v1` shows them as of a version. Connections are read-only: they have no function
that writes, and open no file outside the folder. `?read_only=false` gives them everything.
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
from sqlalchemy import pool, text, types
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import NoSuchTableError

from space_sql.dataset.dataset import folder
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.hosts.python import register
from space_sql.hosts.read_only import check_reads
from space_sql.hosts.sandbox import Sandbox
from space_sql.hosts.tables import Tables

_TYPES: dict[str, type[types.TypeEngine[Any]]] = {
    "BOOLEAN": types.Boolean,
    "TINYINT": types.SmallInteger,
    "SMALLINT": types.SmallInteger,
    "UTINYINT": types.SmallInteger,
    "INTEGER": types.Integer,
    "USMALLINT": types.Integer,
    "BIGINT": types.BigInteger,
    "UINTEGER": types.BigInteger,
    "UBIGINT": types.BigInteger,
    "HUGEINT": types.Numeric,
    "UHUGEINT": types.Numeric,
    "FLOAT": types.Float,
    "DOUBLE": types.Float,
    "DATE": types.Date,
    "TIME": types.Time,
    "INTERVAL": types.Interval,
    "BLOB": types.LargeBinary,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_FRESH = 1.0
"""Seconds for which tables are taken to have the columns that they had."""


class _Cursor(duckdb_engine.CursorWrapper):  # type: ignore[misc]
    """A cursor that looks at what it is to run."""

    def __init__(self, con: duckdb.DuckDBPyConnection, wrapper: _Connection) -> None:
        super().__init__(con, wrapper)
        self._space = wrapper

    def execute(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement; one that writes is an error."""
        self._space.before(statement)
        super().execute(statement, parameters, context)

    def executemany(self, statement: str, parameters: Any = None, context: Any = None) -> None:
        """Run a statement several times; one that writes is an error."""
        self._space.before(statement)
        super().executemany(statement, parameters, context)


class _Connection(duckdb_engine.ConnectionWrapper):  # type: ignore[misc]
    """A connection on which the tables are there."""

    def __init__(self, con: duckdb.DuckDBPyConnection, database: _Database) -> None:
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


class _Database:
    """What the connections of one URL share."""

    def __init__(self, root: Path, version: str | None, read_only: bool) -> None:
        if not root.is_dir():
            raise NotFoundError(f"no folder at {root}")
        self.read_only = read_only
        if read_only:
            box = Sandbox(root, version=version)
            self._refresh, self._connect = box.refresh, box.connect
        else:
            con, tables = register(duckdb.connect(":memory:")), Tables(root, version)
            self._refresh, self._connect = (lambda: tables.refresh(con)), con.cursor
        self._lock = threading.Lock()
        self._refreshed = -_FRESH

    def refresh(self) -> None:
        """Make the tables anew where datasets have changed."""
        with self._lock:
            if time.monotonic() - self._refreshed < _FRESH:
                return
            self._refresh()
            self._refreshed = time.monotonic()

    def connect(self) -> _Connection:
        """Another connection."""
        self.refresh()
        return _Connection(self._connect(), self)


class SpaceDialect(duckdb_engine.Dialect):  # type: ignore[misc]
    """The dialect of `space://`."""

    name = "space"
    driver = "space_sql"
    supports_statement_cache = False

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self._databases: dict[tuple[str, str | None, bool], _Database] = {}
        self._lock = threading.Lock()

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """Connections are cheap to keep: they share a database."""
        queue: type[pool.Pool] = pool.QueuePool
        return queue

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """The folder, and what stands after the question mark."""
        given = {name: value if isinstance(value, str) else value[0] for name, value in url.query.items()}
        version = given.pop("version", None)
        word = given.pop("read_only", "true").lower()
        given.pop("user_agent", None)
        if given or word not in _WORDS:
            raise InvalidInputError("space:///folder takes ?version=… and ?read_only=true or false")
        if url.host:
            raise InvalidInputError("write space:///folder, or space:////an/absolute/folder")
        return [], {"path": url.database or ".", "version": version, "read_only": _WORDS[word]}

    def connect(self, *_arguments: Any, path: str, version: str | None, read_only: bool, **_given: Any) -> _Connection:
        """A connection to the datasets of a folder."""
        root = folder(path)
        with self._lock:
            key = (str(root), version, read_only)
            database = self._databases.get(key)
            if database is None:
                database = self._databases[key] = _Database(root, version, read_only)
        return database.connect()

    def do_begin(self, connection: Any) -> None:
        """Each statement reads the newest state: a pooled connection may stay open for days."""

    def do_commit(self, connection: Any) -> None:
        """There is no transaction."""

    def do_rollback(self, connection: Any) -> None:
        """There is no transaction."""

    def do_ping(self, connection: Any) -> bool:
        """Whether a connection answers."""
        connection.cursor().execute("SELECT 1")
        return True

    def get_schema_names(self, connection: Any, **_given: Any) -> list[str]:
        """The one schema that has the tables."""
        return ["main"]

    def get_default_schema_name(self, connection: Any) -> str:
        """The schema of the tables."""
        return "main"

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"

    def get_table_names(self, connection: Any, schema: str | None = None, **_given: Any) -> list[str]:
        """Every dataset and materialized view."""
        if schema not in (None, "main"):
            return []
        query = "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' ORDER BY view_name"
        return [name for (name,) in connection.execute(text(query))]

    def get_view_names(self, connection: Any, schema: str | None = None, **_given: Any) -> list[str]:
        """None: all are tables."""
        return []

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_given: Any) -> bool:
        """Whether there is a dataset of that name."""
        return table_name in self.get_table_names(connection, schema)

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_given: Any
    ) -> list[dict[str, Any]]:
        """Columns in their order, with comments."""
        query = (
            "SELECT column_name, data_type, comment FROM duckdb_columns() "
            "WHERE NOT internal AND schema_name = 'main' AND table_name = :name ORDER BY column_index"
        )
        found = connection.execute(text(query), {"name": table_name}).fetchall()
        if not found:
            raise NoSuchTableError(table_name)
        return [
            {"name": name, "type": _type(told), "nullable": True, "default": None, "autoincrement": False, "comment": c}
            for name, told, c in found
        ]

    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **_given: Any
    ) -> dict[str, str | None]:
        """What `space_set_comment` said of the dataset."""
        query = "SELECT comment FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' AND view_name = :name"
        found = connection.execute(text(query), {"name": table_name}).fetchall()
        if not found:
            raise NoSuchTableError(table_name)
        return {"text": found[0][0]}

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_given: Any
    ) -> dict[str, Any]:
        """None: what reads needs no key."""
        return {"constrained_columns": [], "name": None}

    def _nothing(self, connection: Any, table_name: str, schema: str | None = None, **_given: Any) -> list[Any]:
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = get_check_constraints = _nothing

    def get_table_options(
        self, connection: Any, table_name: str, schema: str | None = None, **_given: Any
    ) -> dict[str, Any]:
        """None."""
        return {}

    def get_view_definition(self, connection: Any, view_name: str, schema: str | None = None, **_given: Any) -> None:
        """None: they are tables."""
        return


for _name in (
    "table_options",
    "table_comment",
    "columns",
    "pk_constraint",
    "foreign_keys",
    "indexes",
    "unique_constraints",
    "check_constraints",
):
    if hasattr(DefaultDialect, f"get_multi_{_name}"):  # SQLAlchemy 2: one table after the other
        setattr(SpaceDialect, f"get_multi_{_name}", getattr(DefaultDialect, f"get_multi_{_name}"))


def _type(told: str) -> types.TypeEngine[Any]:
    """SQLAlchemy's type for DuckDB's; what it has none for is shown as text."""
    decimal = _DECIMAL.fullmatch(told)
    if decimal:
        return types.Numeric(int(decimal[1]), int(decimal[2]))
    if told.startswith("TIMESTAMP") and not told.endswith("]"):
        return types.DateTime(timezone="TIME ZONE" in told)
    return _TYPES.get(told, types.String)()
