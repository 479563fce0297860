"""DuckLake: DuckDB's own lakehouse, with its catalog in a DuckDB file; default settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_ducklake
from rows import COLUMNS

from peers.peer import Peer


class DuckLake(Peer):
    """A catalog a table, so that histories do not mix."""

    name = "ducklake"
    _extension = next(Path(duckdb_extension_ducklake.__file__).parent.rglob("ducklake.duckdb_extension"))

    def connect(self) -> Any:
        """A connection with the extension."""
        con = super().connect()
        con.execute(f"LOAD '{self._extension}'")
        return con

    def versions(self) -> dict[str, str]:
        """Of the extension too."""
        found = self.con.execute(
            "SELECT extension_version FROM duckdb_extensions() WHERE extension_name = 'ducklake'"
        ).fetchall()
        return {"duckdb": duckdb.__version__, "ducklake": str(found[0][0] if found else "?")}

    def _attach(self, table: str) -> str:
        folder = self.path(table)
        return f"ATTACH 'ducklake:{folder}/catalog.ducklake' AS {table} (DATA_PATH '{folder}/data')"

    def relation(self, table: str) -> str:
        """The table t of the catalog."""
        return f"{table}.t"

    def drop(self, table: str) -> None:
        """Let go of the catalog first."""
        self.con.execute(f"DETACH DATABASE IF EXISTS {table}")
        super().drop(table)

    def create(self, table: str) -> None:
        """A catalog and a table."""
        self.drop(table)
        self.path(table).mkdir(parents=True)
        self.con.execute(self._attach(table))
        self.con.execute(f"CREATE TABLE {table}.t ({COLUMNS})")

    def append(self, table: str, source: str) -> None:
        """INSERT."""
        self.con.execute(f"INSERT INTO {table}.t FROM {source}")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """Register files that DuckDB wrote."""
        folder = self.path(table) / "parts"
        folder.mkdir()
        for part in range(parts):
            first = part * batch
            self.con.execute(
                f"COPY (FROM {source} WHERE id >= {first} AND id < {first + batch}) "
                f"TO '{folder}/{part:08}.parquet' (FORMAT parquet)"
            )
        self.con.execute(f"CALL ducklake_add_data_files('{table}', 't', '{folder}/*.parquet')")
        return []

    def delete(self, table: str, predicate: str) -> None:
        """DELETE."""
        self.con.execute(f"DELETE FROM {table}.t WHERE {predicate}")

    def upsert(self, table: str, source: str) -> None:
        """MERGE."""
        self.con.execute(
            f"MERGE INTO {table}.t USING {source} AS s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"
        )

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """UPDATE."""
        self.con.execute(f"UPDATE {table}.t SET {column} = {expression} WHERE {predicate}")

    def version(self, table: str) -> Any:
        """The newest snapshot."""
        return self.con.execute(f"SELECT max(snapshot_id) FROM {table}.snapshots()").fetchall()[0][0]

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """The change feed; both ends are included."""
        return self.con.sql(f"FROM {table}.table_changes('t', {older + 1}, {newer})").to_arrow_table()

    def count_at_open(self, table: str) -> Any:
        """Attach and count."""
        self.release(table)
        self.con.execute(self._attach(table))
        return self.query(table, "SELECT count(*) FROM {t}")

    def release(self, table: str) -> None:
        """One process at a time has a catalog."""
        self.con.execute(f"DETACH {table}")

    def cold(self, table: str) -> str:
        """Load, attach, scan."""
        return (
            "import duckdb\ncon = duckdb.connect()\n"
            f"con.execute(\"LOAD '{self._extension}'\")\n"
            f'con.execute("{self._attach(table)}")\n'
            f'print(con.execute("SELECT count(*), sum(id) FROM {table}.t").fetchall())'
        )
