"""Erasing what an entry of the log says is forgotten: everything that holds a byte of it is written anew.

Each step can be done again, and each file is exchanged whole, so a process that dies leaves work for the next one
and nothing else. Rows keep their positions: what is written anew and what is not go together at any moment, since
no reader looks at forgotten positions.

Source: docs/format.md, section "Forgetting".
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.dataset import Dataset
from space_sql.dataset.dead_records import dead_records, record_columns
from space_sql.dataset.forget_plan import data_files
from space_sql.dataset.reach import paths_of_commit
from space_sql.dataset.vacuum import LEAST_AGE, own_files
from space_sql.errors import ConflictError
from space_sql.format.commit import Commit, signed, verified
from space_sql.format.data_file import DataFile
from space_sql.format.forgotten import Forgetting
from space_sql.format.paths import DATA, DELETES, LOG, MARKER, checkpoint_path, entry_path
from space_sql.storage import checkpoint as cp
from space_sql.storage import files
from space_sql.storage.log import Log
from space_sql.storage.parquet import read_positions
from space_sql.storage.records import blank
from space_sql.storage.tombstones import without_rows

Json = dict[str, Any]
BLOTTED = "(forgotten)"
"""What stands in the place of a message that told of forgotten rows."""

_ATTEMPTS = 1000


def finish(dataset: Dataset, *, sync: bool) -> bool:
    """Do what the last forget left to do; whether there was something. Only one process may be at it."""
    root = dataset.root
    for _ in range(_ATTEMPTS):
        log = Log(root, trusted=(), hiding=False)
        refs = log.head()
        if refs.forgetting is None:
            return False
        begun, forgetting = refs.forgetting
        _Erasing(log, refs.snapshot_id, forgetting, sync=sync).run()
        os.utime(root / MARKER)  # what processes remember of the older entries is void
        _remove(root, log, refs.snapshot_id, forgetting, sync=sync)
        first = log.commit(begun)
        done = Commit(
            snapshot_id=refs.snapshot_id + 1,
            parent_id=first.parent_id,
            branch=first.branch,
            time=max(time.time_ns() // 1000, refs.time + 1),
            operation="forgot",
            forgot=begun,
        )
        # An entry that came meanwhile may name a file as it was: then all is looked at again.
        if Log(root).publish(done, sync=sync):
            dataset.log.head()
            return True
    raise ConflictError(f"{_ATTEMPTS} other commits came first; run space_repair to finish")


class _Erasing:
    """One pass over everything that the log names."""

    def __init__(self, log: Log, head: int, forgetting: Forgetting, *, sync: bool) -> None:
        self._log, self._head, self._forgetting, self._sync = log, head, forgetting, sync
        self._root = log.root
        self._there = cache(lambda path: (self._root / path).exists())

    def run(self) -> None:
        """Data files, record files, entries, checkpoints, in this order: what is named is always there."""
        self._new = self._data_files()
        self._sizes = self._record_files()
        for snapshot_id in range(self._head + 1):
            self._entry(snapshot_id)
        if self._sync:
            files.sync_folder(self._root / LOG)
        self._checkpoints()

    def _commits(self) -> Iterator[Commit]:
        return (self._log.commit(i) for i in range(self._head + 1))

    def _data_files(self) -> dict[int, DataFile]:
        """The data files without the rows: written now, or by an attempt that was interrupted."""
        old: dict[int, DataFile] = {}
        new: dict[int, DataFile] = {}
        for commit in self._commits():
            for file in data_files(commit):
                if file.number in self._forgetting.files:
                    (old if file.path in self._forgetting.replaced else new)[file.number] = file
        records = record_columns(self._commits()).keys()
        for number, file in old.items():
            if number not in new and self._there(file.path):
                positions = read_positions(self._root, [self._forgetting.files[number]])
                rows = positions.filter(pc.equal(positions["file"], number))["pos"].combine_chunks()
                rows = pa.concat_arrays(rows.chunks) if isinstance(rows, pa.ChunkedArray) else rows
                new[number] = without_rows(self._root, file, rows, records, sync=self._sync)
        return new

    def _record_files(self) -> dict[str, int]:
        """Sizes of the record files, once the records that no row points at are empty."""
        if not self._forgetting.records:
            return {}
        known = {f.number: f for commit in self._commits() for f in data_files(commit)}
        known.update(self._new)
        remaining = [f.hiding(self._forgetting) for f in known.values() if self._there(f.path)]
        # A file of forgotten rows only is one that the new data files name no more.
        dead = dead_records(self._root, remaining, self._commits(), self._forgetting.records)
        for path, rows in dead.items():
            if path in self._forgetting.records:
                blank(self._root, path, rows, sync=self._sync)
        paths = [path for path in self._forgetting.records if self._there(path)]
        return {path: (self._root / path).stat().st_size for path in paths}

    def _entry(self, snapshot_id: int) -> None:
        """Exchange an entry for one that tells nothing of the rows."""
        name = entry_path(snapshot_id)
        raw = files.read(self._root / name)
        data = verified(raw or b"", name)
        del data["checksum"]
        for file in (*data["files_added"], *data.get("rewrites", {}).get("added", ())):
            self._file(file)
        if snapshot_id in self._forgetting.texts:
            data["author"] = data["commit_key"] = None
            data["message"] = BLOTTED
        fresh = signed(data)
        if fresh != raw:
            files.replace(self._root / name, fresh, sync=self._sync)

    def _file(self, record: Json) -> None:
        """Change a data file record in an entry."""
        new, path = self._new.get(record["number"]), record["path"]
        if new is not None and path in self._forgetting.replaced:
            own = replace(new, forgotten=()).encode()
            for member in ("path", "bytes", "stats", "crc32"):
                record[member] = own[member]
            record.pop("records", None)
            if "records" in own:
                record["records"] = own["records"]
            record["forgotten"] = [f.encode() for f in new.hiding(self._forgetting).forgotten]
        elif not self._there(path):
            record["stats"] = {}
        for listed in record.get("records", ()):
            listed["bytes"] = self._sizes.get(listed["path"], listed["bytes"])

    def _checkpoints(self) -> None:
        """Write all anew, from the entries: also where there is none, so that no slow writer puts an old one."""
        trusted: set[int] = set()
        log = Log(self._root, trusted=trusted, hiding=False)
        for snapshot_id in range(cp.INTERVAL, self._head + 1, cp.INTERVAL):
            name = self._root / checkpoint_path(snapshot_id)
            fresh = log.checkpoint_bytes(snapshot_id)
            if files.read(name) != fresh:
                files.replace(name, fresh, sync=self._sync)
            trusted.add(snapshot_id)


def _remove(root: Path, log: Log, head: int, forgetting: Forgetting, *, sync: bool) -> None:
    """Remove the files that were exchanged, and what dead writers left behind: it may hold anything."""
    for path in forgetting.replaced:
        with files.explained(root / path):
            (root / path).unlink(missing_ok=True)
    fresh = Log(root, trusted=(), hiding=False)
    named = {path for i in range(head + 1) for path in paths_of_commit(fresh.commit(i))}
    for path in {*forgetting.records} - named:
        with files.explained(root / path):
            (root / path).unlink(missing_ok=True)
    young = time.time() - LEAST_AGE
    for path, _, modified in own_files(root):
        if path not in named and modified < young:
            files.remove_quietly(root / path)
    if sync:
        for folder in (DATA, DELETES, LOG):
            files.sync_folder(root / folder)
