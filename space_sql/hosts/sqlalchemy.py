"""SQLAlchemy: `space:///folder` shows the datasets below a folder as tables; made of duckdb-engine's dialect.

`space:///folder?version=v1` shows them as of a version, `?schemas=v1,v2` has a schema more for each of those.
Connections are read-only: they have no function that writes, and open no file outside the folder.
`?read_only=false` gives them everything.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import duckdb_engine
from sqlalchemy import pool, text, types
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import NoSuchTableError

from space_sql.dataset.dataset import folder
from space_sql.dataset.publish import checked_versions
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.format.names import MAIN
from space_sql.hosts.dbapi import SHARED, Connection, Database, Given

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


class SpaceDialect(duckdb_engine.Dialect):  # type: ignore[misc]
    """The dialect of `space://`."""

    name = "space"
    driver = "space_sql"
    supports_statement_cache = False

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self._own: dict[Given, Database] = {}
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
        schemas = tuple(name.strip() for name in given.pop("schemas", "").split(",") if name.strip())
        given.pop("user_agent", None)
        if given or word not in _WORDS:
            raise InvalidInputError("space:///folder takes ?version=…, ?schemas=…,… and ?read_only=true or false")
        if url.host:
            raise InvalidInputError("write space:///folder, or space:////an/absolute/folder")
        checked_versions(schemas)
        if len({name.casefold() for name in (MAIN, *schemas)}) <= len(schemas):
            raise InvalidInputError('schemas are different names, upper and lower case aside; "main" is always there')
        return [], {
            "path": url.database or ".",
            "version": version,
            "schemas": schemas,
            "read_only": _WORDS[word],
        }

    def connect(
        self,
        *_arguments: Any,
        path: str,
        version: str | None,
        schemas: tuple[str, ...],
        read_only: bool,
        **_given: Any,
    ) -> Connection:
        """A connection to the datasets of a folder."""
        root = Path(os.path.realpath(folder(path)))
        if not root.is_dir():
            raise NotFoundError(f"no folder at {root}")
        given = Given(root, version, schemas)
        if read_only:
            return SHARED.get(given).connect()
        with self._lock:  # what is made in it is seen through this engine only
            database = self._own.get(given) or self._own.setdefault(given, Database(given, False))
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
        """``main``, and those of the versions that were asked for."""
        query = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal"
        return [MAIN, *sorted({name for (name,) in connection.execute(text(query))} - {MAIN})]

    def get_default_schema_name(self, connection: Any) -> str:
        """The schema of the tables."""
        return "main"

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"

    def get_table_names(self, connection: Any, schema: str | None = None, **_given: Any) -> list[str]:
        """Every dataset and materialized view."""
        query = (
            "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = :schema "
            "AND database_name = current_database() ORDER BY view_name"
        )
        return [name for (name,) in connection.execute(text(query), {"schema": schema or MAIN})]

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
            "WHERE NOT internal AND database_name = current_database() AND schema_name = :schema "
            "AND table_name = :name ORDER BY column_index"
        )
        found = connection.execute(text(query), {"schema": schema or MAIN, "name": table_name}).fetchall()
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
        query = (
            "SELECT comment FROM duckdb_views() WHERE NOT internal AND database_name = current_database() "
            "AND schema_name = :schema AND view_name = :name"
        )
        found = connection.execute(text(query), {"schema": schema or MAIN, "name": table_name}).fetchall()
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
