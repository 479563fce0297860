"""What a store must do to be measured."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb


class Unsupported(Exception):
    """The peer cannot do this; the message says why."""


class Peer:
    """A store of tables below ``folder``, and a DuckDB connection that holds the rows to be written.

    Sources are tables of that connection, made by ``stage``; ``sql`` holds ``{t}`` where the table goes.
    """

    name: str
    partial: frozenset[str] = frozenset()
    """Steps whose result is not what the others give: they are timed, but not compared."""
    keeps_records = False
    """Whether it is measured with records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.con = self.connect()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A new connection."""
        return duckdb.connect()

    def versions(self) -> dict[str, str]:
        """Versions of what does the work."""
        return {"duckdb": duckdb.__version__}

    def stage(self, source: str, sql: str) -> None:
        """Make a table of rows to write."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {source} AS {sql}")

    def path(self, table: str) -> Path:
        """The folder of a table."""
        return self.folder / table

    def drop(self, table: str) -> None:
        """Remove a table with its files."""
        shutil.rmtree(self.path(table), ignore_errors=True)

    def bytes(self, table: str) -> int:
        """Bytes of all files of a table."""
        return sum(file.stat().st_size for file in self.path(table).rglob("*") if file.is_file())

    def sync(self, on: bool) -> None:
        """Whether commits are synced to disk, where the peer has the choice."""

    # -- reading --------------------------------------------------------------------------------

    def relation(self, table: str) -> str:
        """SQL that stands for the table in a FROM clause."""
        raise Unsupported("not measured")

    def query(self, table: str, sql: str) -> Any:
        """The rows of a query over the table."""
        return self.con.execute(sql.format(t=self.relation(table))).fetchall()

    def arrow(self, table: str, sql: str) -> Any:
        """The same as an Arrow table."""
        return self.con.sql(sql.format(t=self.relation(table))).to_arrow_table()

    def count_at_open(self, table: str) -> Any:
        """Open the table as if for the first time and count its rows."""
        raise Unsupported("has nothing to open")

    def release(self, table: str) -> None:
        """Let another process open the table."""

    def cold(self, table: str) -> str:
        """A Python program that imports the peer and prints the number of rows."""
        raise Unsupported("not measured")

    # -- writing --------------------------------------------------------------------------------

    def create(self, table: str) -> None:
        """An empty table with the benchmark's columns and the key ``id``."""
        raise Unsupported("not measured")

    def append(self, table: str, source: str) -> None:
        """Add the rows of a source, as one commit."""
        raise Unsupported("not measured")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """Make ``parts`` data files of ``batch`` rows each; seconds of each commit, if each file is one."""
        raise Unsupported("not measured")

    # -- records --------------------------------------------------------------------------------

    def create_records(self, table: str) -> None:
        """An empty table of id, label, score and the record image."""
        raise Unsupported("not measured")

    def append_records(self, table: str, source: str) -> None:
        """Add rows with records, as one commit."""
        raise Unsupported("not measured")

    def record(self, table: str, id: int) -> bytes:
        """The record of a key, through SQL."""
        raise Unsupported("not measured")

    def load_addresses(self, table: str) -> None:
        """Get to know where records are."""
        raise Unsupported("not measured")

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """Records of keys, through Python; the addresses are known."""
        raise Unsupported("not measured")

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """Read all rows in a shuffled order, batch by batch; bytes of the records."""
        raise Unsupported("not measured")

    def rows(self, table: str) -> int:
        """Read all rows in order; bytes of the records."""
        raise Unsupported("not measured")

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """Read all rows in a shuffled order through PyTorch's DataLoader; bytes of the records."""
        raise Unsupported("not measured")

    def append_blobs(self, table: str, source: str) -> None:
        """The same rows with their records in a Parquet file."""
        raise Unsupported("not measured")

    def blobs(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """Records of keys from that file."""
        raise Unsupported("not measured")

    def delete(self, table: str, predicate: str) -> None:
        """Remove rows."""
        raise Unsupported("has no delete")

    def upsert(self, table: str, source: str) -> None:
        """Replace the rows whose id exists and add the others."""
        raise Unsupported("has no upsert")

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """Set a column."""
        raise Unsupported("has no update")

    def compact(self, table: str) -> None:
        """Few files in the order of the key."""
        raise Unsupported("is not compacted here")

    def version(self, table: str) -> Any:
        """The version that now stands."""
        raise Unsupported("has no versions")

    def branch(self, table: str, name: str | None) -> None:
        """Make a branch of the head; None: only tell whether there are branches."""
        raise Unsupported("has no branches that merge")

    def upsert_on(self, table: str, branch: str, source: str) -> None:
        """Upsert into a branch; columns that the source lacks stay."""
        raise Unsupported("has no branches that merge")

    def merge(self, table: str, branch: str) -> Any:
        """Merge a branch into main; how many rows changed."""
        raise Unsupported("has no branches that merge")

    def conflicts(self, table: str, branch: str) -> Any:
        """What keeps it from being merged."""
        raise Unsupported("has no branches that merge")

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """Every change after a version up to another, as Arrow with a column ``change_type``."""
        raise Unsupported("has no change feed")

    def diff(self, table: str, older: Any, newer: Any) -> Any:
        """The net difference of two versions, as Arrow with a column ``diff_type``."""
        raise Unsupported("has no difference")
