"""A DuckDB that can read the datasets below one folder, and can do nothing else.

No function that writes is on it. DuckDB itself may open files below the folder only, may load nothing,
and its settings are locked. Whatever else a statement may not do is judged before: see ``statement``.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import orjson

from space_sql.dataset.dataset import Dataset, open_dataset
from space_sql.errors import InvalidInputError, NotFoundError, SpaceError, near
from space_sql.format.types import quote_literal
from space_sql.functions.calls import Calls, given_arguments
from space_sql.functions.catalogue import READS
from space_sql.hosts.python import add_vector_function, macros
from space_sql.hosts.tables import Tables

_AT_ONCE = 4
_HELPERS = ("_space_session", *READS, "space_record")


class Sandbox:
    """The database; ``query`` may be called from several threads."""

    def __init__(
        self,
        root: Path,
        *,
        version: str | None = None,
        schemas: Sequence[str] = (),
        seconds: float = 30.0,
        memory: str | None = None,
    ) -> None:
        self.root = Path(os.path.realpath(root))
        self.seconds = seconds
        self._calls = Calls()
        self._gate = threading.BoundedSemaphore(_AT_ONCE)
        self._tables = Tables(self.root, version, schemas)
        self._lock = threading.Lock()
        self._con = duckdb.connect(":memory:")
        me = weakref.ref(self)  # the functions must not keep the database that has them

        def read(function: str, session: str, arguments: str) -> str:
            box = me()
            return "" if box is None else box._read(function, session, arguments)

        def record(
            paths: Sequence[Any], files: Sequence[Any], rows: Sequence[Any], sizes: Sequence[Any]
        ) -> list[bytes | None]:
            box = me()
            return [] if box is None else box._record(paths, files, rows, sizes)

        with self._con.cursor() as con:
            con.create_function(  # type: ignore[call-overload]
                "_space_read", read, ["VARCHAR"] * 3, "VARCHAR", null_handling="special"
            )
            self._kept = (read, add_vector_function(con, "_space_record", record))
        self._con.execute("CREATE MACRO _space_connection() AS current_connection_id()::BIGINT")
        for text in macros():
            if any(f" TEMP MACRO {name}(" in text for name in _HELPERS):
                self._con.execute(text.replace("CREATE OR REPLACE TEMP MACRO", "CREATE MACRO", 1))
        for setting in (
            "SET TimeZone = 'UTC'",
            *([f"SET memory_limit = {quote_literal(memory)}"] if memory else ()),
            "SET temp_directory = ''",
            "SET python_enable_replacements = false",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            f"SET allowed_directories = [{quote_literal(f'{self.root}/')}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._con.execute(setting)

    @property
    def tables(self) -> Tables:
        """The datasets as views."""
        return self._tables

    def names(self) -> dict[str, Path]:
        """The datasets by name, in path order."""
        return self._tables.names()

    def path(self, name: str) -> Path:
        """The folder of the dataset with that name."""
        return self.dataset(name).root

    def dataset(self, name: str) -> Dataset:
        """The dataset with that name."""
        names = self.names()
        if name not in names:
            raise NotFoundError(f'no dataset "{name}" below {self.root.name}.{near(name, names)}')
        return open_dataset(str(names[name]))

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one statement, which is interrupted when it takes too long."""
        with self._gate, self._con.cursor() as cursor:
            timer = threading.Timer(self.seconds, cursor.interrupt)
            timer.daemon = True
            timer.start()
            try:
                yield cursor
            except duckdb.InterruptException as error:
                raise InvalidInputError(f"the statement took longer than {self.seconds:g} s and was stopped") from error
            finally:
                timer.cancel()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own."""
        return self._con.cursor()

    def refresh(self) -> None:
        """Let each dataset be a view of its name, with the columns that it has now."""
        with self._lock:
            self._tables.refresh(self._con)

    def inside(self, path: object) -> str:
        """The absolute path of something below the folder; relative ones begin there."""
        if not isinstance(path, str) or not path or "\x00" in path:
            raise InvalidInputError("a dataset path is required")
        full = os.path.abspath(self.root / path)
        if os.path.commonpath((self.root, os.path.realpath(full))) != str(self.root):
            raise NotFoundError(f"{path} is not below the folder that is served")
        return full

    def record(self, name: str, file: str, row: int, size: int) -> bytes | None:
        """A record of a dataset by its address."""
        (found,) = self._record([str(self.path(name))], [file], [row], [size])
        return found

    def _read(self, function: str, session: str, arguments: str) -> str:
        try:
            given = given_arguments(arguments)
            for name in ("path", "folder_path"):
                if name in given:
                    given[name] = self.inside(given[name])
        except SpaceError as error:
            return f"SELECT * FROM query(error({quote_literal(error.line)}))"
        return self._calls.read(function, session, orjson.dumps(given).decode())

    def _record(
        self, paths: Sequence[Any], files: Sequence[Any], rows: Sequence[Any], sizes: Sequence[Any]
    ) -> list[bytes | None]:
        inside = [None if path is None else self.inside(path) for path in paths]
        return self._calls.record(inside, files, rows, sizes)
