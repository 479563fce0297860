"""The lower bound: plain Parquet files and DuckDB, no commit protocol; changes rewrite the file."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rows import COLUMNS

from peers.loaders import data_loader, tensor
from peers.peer import Peer, Unsupported


class Raw(Peer):
    """A folder of files for each version."""

    name = "raw"
    keeps_records = True

    def connect(self) -> Any:
        """A connection; the version that each table has is kept here, for want of a log."""
        self._version: dict[str, int] = defaultdict(int)
        self._parts: dict[str, int] = defaultdict(int)
        return super().connect()

    def relation(self, table: str, version: int | None = None) -> str:
        """All files of a version."""
        at = self._version[table] if version is None else version
        return f"read_parquet('{self.path(table)}/{at}/*.parquet')"

    def create(self, table: str) -> None:
        """An empty folder."""
        self.drop(table)
        self._version[table] = self._parts[table] = 0
        (self.path(table) / "0").mkdir(parents=True)

    def append(self, table: str, source: str) -> None:
        """One more file."""
        self._parts[table] += 1
        to = self.path(table) / str(self._version[table]) / f"{self._parts[table]:08}.parquet"
        self.con.execute(f"COPY {source} TO '{to}' (FORMAT parquet)")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """One COPY a file."""
        for part in range(parts):
            first = part * batch
            self.append(table, f"(FROM {source} WHERE id >= {first} AND id < {first + batch})")
        return []

    def create_records(self, table: str) -> None:
        """An empty folder."""
        self.create(table)
        self.create("b")

    def append_records(self, table: str, source: str) -> None:
        """One ArrayRecord file, and one Parquet file of the rest with each record's row; both are synced."""
        from array_record.python import array_record_module

        folder = self.path(table) / str(self._version[table])
        writer = array_record_module.ArrayRecordWriter(str(folder / "image.array_record"), "group_size:1,uncompressed")
        for batch in self.con.sql(f"SELECT image FROM {source}").to_arrow_reader(2048):
            for value in batch.column(0):
                writer.write(value.as_py())
        writer.close()
        self.append(table, f"(SELECT * EXCLUDE (image), row_number() OVER () - 1 AS row FROM {source})")
        for path in folder.iterdir():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.close(file)

    def _reader(self, table: str) -> Any:
        from array_record.python import array_record_module

        path = self.path(table) / str(self._version[table]) / "image.array_record"
        return array_record_module.ArrayRecordReader(str(path), "readahead_buffer_size:0,max_parallelism:0")

    def record(self, table: str, id: int) -> bytes:
        """The row by SQL, its record from a reader that is open."""
        ((row,),) = self.query(table, f"SELECT row FROM {{t}} WHERE id = {id}")
        reader = self._open[table]
        reader.seek(row)
        found: bytes = reader.read()
        return found

    def load_addresses(self, table: str) -> None:
        """Rows by key, and a reader."""
        self._rows = dict(self.query(table, "SELECT id, row FROM {t}"))

    @cached_property
    def _open(self) -> dict[str, Any]:
        return {"r": self._reader("r")}

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """One seek and read each."""
        reader = self._open[table]
        out = []
        for id in ids:
            reader.seek(self._rows[id])
            out.append(reader.read())
        return out

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """Rows shuffled by Python; one seek and read each, labels in a list."""
        reader, labels = self._open[table], self._labels
        order = list(range(len(labels)))
        random.Random(seed).shuffle(order)
        total = 0
        for at in range(0, len(order), batch):
            rows = []
            for row in order[at : at + batch]:
                reader.seek(row)
                rows.append({"label": labels[row], "image": reader.read()})
            total += sum(len(row["image"]) for row in rows)
        return total

    def rows(self, table: str) -> int:
        """One seek and read each."""
        reader, labels, total = self._open[table], self._labels, 0
        for row, label in enumerate(labels):
            reader.seek(row)
            found = {"label": label, "image": reader.read()}
            total += len(found["image"])
        return total

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """A dataset that opens its reader in each process; PyTorch's own shuffled order."""
        if workers not in self._loaders:
            records = _Records(self.path(table) / str(self._version[table]) / "image.array_record")
            self._loaders[workers] = data_loader(records, batch, workers)
        return sum(rows.numel() for rows in self._loaders[workers])

    @cached_property
    def _loaders(self) -> dict[int, Any]:
        return {}

    @cached_property
    def _labels(self) -> list[str]:
        return [label for (label,) in self.query("r", "SELECT label FROM {t} ORDER BY row")]

    def append_blobs(self, table: str, source: str) -> None:
        """DuckDB's own writer."""
        self.append(table, source)

    def blobs(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """By key, through SQL."""
        found = self.query(table, f"SELECT image FROM {{t}} WHERE id IN ({', '.join(map(str, ids))})")
        return [image for (image,) in found]

    def _rewrite(self, table: str, sql: str) -> None:
        old = self.relation(table)
        self._version[table] += 1
        folder = self.path(table) / str(self._version[table])
        folder.mkdir()
        self.con.execute(f"COPY ({sql.format(t=old)}) TO '{folder}/{1:08}.parquet' (FORMAT parquet)")

    def delete(self, table: str, predicate: str) -> None:
        """Rewrite without the rows."""
        self._rewrite(table, f"FROM {{t}} WHERE ({predicate}) IS NOT TRUE")

    def upsert(self, table: str, source: str) -> None:
        """Rewrite without the rows that are replaced, with the source behind."""
        self._rewrite(table, f"FROM {{t}} AS t ANTI JOIN {source} USING (id) UNION ALL FROM {source}")

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """Rewrite with new values."""
        case = f"CASE WHEN {predicate} THEN {expression} ELSE {column} END"
        self._rewrite(table, f"SELECT * REPLACE ({case} AS {column}) FROM {{t}}")

    def compact(self, table: str) -> None:
        """Rewrite in order."""
        self._rewrite(table, "FROM {t} ORDER BY id")

    def version(self, table: str) -> Any:
        """The number of the folder."""
        return self._version[table]

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """Nothing says what happened in between."""
        raise Unsupported("knows no changes, only the difference")

    def diff(self, table: str, older: Any, newer: Any) -> Any:
        """A full join of both versions."""
        names = [column.split()[0] for column in COLUMNS.split(", ")]
        differs = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in names)
        pairs = ", ".join(f"a.{n} AS from_{n}, b.{n} AS to_{n}" for n in names)
        return self.con.sql(
            "SELECT CASE WHEN a.id IS NULL THEN 'added' WHEN b.id IS NULL THEN 'removed' ELSE 'modified' END "
            f"AS diff_type, {pairs} FROM {self.relation(table, older)} a FULL JOIN {self.relation(table, newer)} b "
            f"ON a.id = b.id WHERE {differs}"
        ).to_arrow_table()

    def cold(self, table: str) -> str:
        """DuckDB alone."""
        sql = f"SELECT count(*), sum(id) FROM {self.relation(table)}"
        return f'import duckdb\nprint(duckdb.connect().execute("{sql}").fetchall())'


class _Records:
    """Records by number, for PyTorch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid = 0

    def _reader(self) -> Any:
        from array_record.python import array_record_module

        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._found = array_record_module.ArrayRecordReader(
                str(self._path), "readahead_buffer_size:0,max_parallelism:0"
            )
        return self._found

    def __len__(self) -> int:
        return int(self._reader().num_records())

    def __getitem__(self, row: int) -> Any:
        reader = self._reader()
        reader.seek(row)
        return tensor(reader.read())
