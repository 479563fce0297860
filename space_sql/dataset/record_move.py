"""Records on the move: compaction copies those that are still used out of record files that are mostly dead or small.

Old files stay where they are: addresses that readers of older snapshots hold are good until those expire and vacuum
takes the files.

Source: docs/format.md, section "Rewrites".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from space_sql.format.data_file import DataFile
from space_sql.format.records import ADDRESS, RecordFile, by_path, folder_name
from space_sql.format.schema import Column
from space_sql.storage.records import RecordFiles, RecordWriter

DEAD = 0.5
"""A record file is left when at least this share of its records is not used."""

SMALL_BYTES = 8 << 20
SMALL_FILES = 8
"""So many files below that size, of one field, become one."""

_BATCH_BYTES = 64 << 20


def stale(files: Iterable[DataFile]) -> frozenset[str]:
    """Paths of the record files that these data files should no longer use."""
    known: dict[str, RecordFile] = {}
    used: Counter[str] = Counter()
    for file in files:
        known.update(by_path(file.records))
        for record in file.records:  # which of them the deleted rows had is not known: their share is taken
            used[record.path] += round(record.used * file.live / max(1, file.rows))
    dead = {path for path, record in known.items() if used[path] <= (1 - DEAD) * record.rows}
    small: dict[str, list[str]] = defaultdict(list)
    for path, record in known.items():
        if path not in dead and record.bytes < SMALL_BYTES:
            small[path.rsplit("/", 1)[0]].append(path)
    return frozenset(dead.union(*(paths for paths in small.values() if len(paths) >= SMALL_FILES)))


class RecordMover:
    """Writes records anew while rows that point at them are rewritten. Not thread-safe."""

    def __init__(self, root: Path, leaving: Collection[str]) -> None:
        self._root = root
        self._leaving = frozenset(leaving)
        self._files = RecordFiles(root)
        self._writers: dict[int, RecordWriter] = {}

    def moved(self, column: Column, addresses: Any) -> Any:
        """The addresses of a record field, with new ones for records in files that are left."""
        if column.record is None or not self._leaving:
            return addresses
        rows: list[dict[str, Any] | None] = addresses.to_pylist()
        going = [row for row in rows if row is not None and row["file"] in self._leaving]
        if not going:
            return addresses
        writer = self._writers.get(column.id)
        if writer is None:
            writer = RecordWriter(self._root, folder_name(column.id, column.name), column.record)
            self._writers[column.id] = writer
        for batch in _batches(going):
            records = self._files.read_many(*([row[name] for row in batch] for name in ("file", "row", "bytes")))
            writer.typical_bytes = sum(row["bytes"] for row in batch) // len(batch)
            for row, record in zip(batch, records, strict=True):
                assert record is not None
                row["file"], row["row"] = writer.append(record)
        fields = [
            pa.array([None if row is None else row[name] for row in rows], addresses.type.field(name).type)
            for name, _ in ADDRESS.fields
        ]
        missing = pa.array([row is None for row in rows], pa.bool_())
        return pa.chunked_array([pa.StructArray.from_arrays(fields, fields=list(addresses.type), mask=missing)])

    def close(self, *, sync: bool) -> dict[str, RecordFile]:
        """Finish the files; returns them by path."""
        return by_path(file for writer in self._writers.values() for file in writer.close(sync=sync))

    def abort(self) -> None:
        """Remove what was written."""
        for writer in self._writers.values():
            writer.abort()


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if batch and size + row["bytes"] > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row["bytes"]
    yield batch
