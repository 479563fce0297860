"""The extension inside Python's DuckDB: built once, loaded into every connection's database."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import duckdb

from space_sql.hosts.extension import build
from tests.hosts.python import PythonConnection, PythonHost


@functools.cache
def built() -> Path:
    """The extension's file, made anew for this process, with the record of this Python beside it."""
    with duckdb.connect() as con:
        ((platform,),) = con.execute("PRAGMA platform").fetchall()
    folder = Path(tempfile.mkdtemp(prefix="space-sql-extension-"))
    (folder / build.RECORD).write_text(build.record(), encoding="utf-8")
    return build.build(folder / build.FILE, platform)


class ExtensionHost(PythonHost):
    """Plain connections whose database has loaded the extension."""

    conditions = PythonHost.conditions - {"python"} | {"extension"}

    def __init__(self) -> None:
        super().__init__(duckdb.connect)

    def connect(self, database: str, read_only: bool) -> PythonConnection:
        """Open a database, and load the extension into it."""
        con = duckdb.connect(database, read_only=read_only, config={"allow_unsigned_extensions": "true"})
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        con.load_extension(str(built()))
        return PythonConnection(con)
