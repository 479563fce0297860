"""Space SQL, as its users call it: every operation is one SQL statement."""

from __future__ import annotations

import time
from typing import Any

import duckdb
from rows import COLUMNS

import space_sql
from peers.peer import Peer


class Space(Peer):
    """A dataset a table."""

    name = "space"

    def connect(self) -> Any:
        """A prepared connection."""
        self._opened = 0
        return space_sql.connect()

    def versions(self) -> dict[str, str]:
        """Ours and DuckDB's."""
        import pyarrow

        return {"space_sql": space_sql.__version__, "duckdb": duckdb.__version__, "pyarrow": pyarrow.__version__}

    def sync(self, on: bool) -> None:
        """Syncing is the default."""
        self.con.execute(f"SET VARIABLE space_sync = {str(on).lower()}")

    def relation(self, table: str) -> str:
        """The newest snapshot."""
        return f"space_scan('{self.path(table)}')"

    def create(self, table: str) -> None:
        """An empty dataset."""
        self.drop(table)
        self.con.execute(f"CALL space_create('{self.path(table)}', columns => '{COLUMNS}', primary_keys => ['id'])")

    def append(self, table: str, source: str) -> None:
        """From a macro."""
        self.con.execute(f"CALL space_append('{self.path(table)}', '{source}')")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """As many commits, each timed."""
        self.sync(False)
        seconds = []
        for part in range(parts):
            first = part * batch
            start = time.perf_counter()
            self.append(table, f"FROM {source} WHERE id >= {first} AND id < {first + batch}")
            seconds.append(time.perf_counter() - start)
        return seconds

    def delete(self, table: str, predicate: str) -> None:
        """By predicate."""
        self.con.execute(f"CALL space_delete('{self.path(table)}', '{predicate}')")

    def upsert(self, table: str, source: str) -> None:
        """By key."""
        self.con.execute(f"CALL space_upsert('{self.path(table)}', '{source}')")

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """By predicate."""
        self.con.execute(f"CALL space_update('{self.path(table)}', '{column} = {expression}', '{predicate}')")

    def compact(self, table: str) -> None:
        """As users call it."""
        self.con.execute(f"CALL space_compact('{self.path(table)}')")

    def version(self, table: str) -> Any:
        """The head of main."""
        return self.con.execute(f"SELECT snapshot_id FROM space_info('{self.path(table)}')").fetchall()[0][0]

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """The change feed."""
        return self.con.sql(f"FROM space_changes('{self.path(table)}', {older}, {newer})").to_arrow_table()

    def diff(self, table: str, older: Any, newer: Any) -> Any:
        """The net difference."""
        return self.con.sql(f"FROM space_diff('{self.path(table)}', {older}, {newer})").to_arrow_table()

    def count_at_open(self, table: str) -> Any:
        """The log's answer; what is cached for another folder name does not help."""
        return self.con.execute(f"SELECT row_count FROM space_info('{self._renamed(table)}')").fetchall()

    def _renamed(self, table: str) -> str:
        """The folder under a name that this process has not seen; its old name leads there."""
        self._opened += 1
        alias = self.folder / f"{table}-{self._opened}"
        alias.symlink_to(self.path(table))
        return str(alias)

    def cold(self, table: str) -> str:
        """Import, connect, scan."""
        sql = f"SELECT count(*), sum(id) FROM {self.relation(table)}"
        return f'import space_sql\nprint(space_sql.connect().execute("{sql}").fetchall())'
