"""Files of computed results: Arrow, sorted by the digests of the arguments, read where they lie.

A file is written whole under another name and then has its own; nothing names it but the folder, so one that is lost
or unreadable is computed again.

Source: docs/format.md, section "Computed results".
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from space_sql.format.computed import checksum, new_name
from space_sql.storage import files

Keys: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
"""Digests: two columns of 64 bits."""

MERGED_BYTES = 256 << 20
"""Files that are together smaller than this become one."""
_FILES = 8


@dataclass(frozen=True, eq=False)
class Results:
    """The results of one file, in the order of their keys."""

    path: Path
    bytes: int
    keys: tuple[Keys, Keys]
    values: pa.Array

    def find(self, keys: Keys) -> Any:
        """For each key the place of its result, -1 without one."""
        high, low = self.keys
        if not len(high):
            return np.full(len(keys), -1, np.int64)
        place = np.minimum(np.searchsorted(high, keys[:, 0]), len(high) - 1)
        same = (high[place] == keys[:, 0]) & (low[place] == keys[:, 1])
        return np.where(same, place, -1)


class Folder:
    """The results of one function."""

    def __init__(self, root: Path, type_: pa.DataType, told: dict[str, str], *, sync: bool) -> None:
        self._root, self._type, self._told, self._sync = root, type_, told, sync
        self.files = list(self._opened())

    def _opened(self) -> Iterator[Results]:
        try:
            names = sorted(os.listdir(self._root))
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            if checksum(name) is not None:
                found = self._open(self._root / name)
                if found is not None:
                    yield found

    def _open(self, path: Path) -> Results | None:
        """A file's results; None when it is gone or is no such file."""
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
                high, low, values = (table.column(name).combine_chunks() for name in ("high", "low", "value"))
                if values.type != self._type:
                    return None
                return Results(path, source.size(), (high.to_numpy(), low.to_numpy()), values)
        except (OSError, pa.ArrowException, KeyError):
            return None

    def write(self, keys: Keys, values: pa.Array) -> None:
        """Keep results, durably."""
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        high, low = (pa.array(np.ascontiguousarray(keys[order, i])) for i in (0, 1))
        schema = pa.schema(
            [("high", pa.uint64()), ("low", pa.uint64()), ("value", self._type)], metadata=dict(self._told)
        )
        batch = pa.RecordBatch.from_arrays([high, low, values.take(pa.array(order))], schema=schema)
        with files.explained(self._root):
            made = [path for path in (self._root, self._root.parent) if not path.exists()]
            self._root.mkdir(parents=True, exist_ok=True)
            temporary = self._root / f".{uuid.uuid4().hex}.tmp"
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
                writer.write_batch(batch)
            path = self._root / new_name(files.crc32(temporary))
            if self._sync:
                files.sync_file(temporary)
            os.rename(temporary, path)
            if self._sync:
                for folder in (self._root, *(path.parent for path in made)):
                    files.sync_folder(folder)
        found = self._open(path)
        if found is not None:
            self.files.append(found)

    def merge(self) -> None:
        """Make one file of many small ones."""
        chosen: list[Results] = []
        total = 0
        for file in sorted(self.files, key=lambda f: f.bytes):
            if total + file.bytes > MERGED_BYTES:
                break
            chosen.append(file)
            total += file.bytes
        if len(chosen) <= _FILES:
            return
        keys = np.concatenate([np.stack(file.keys, axis=1) for file in chosen])
        values = pa.concat_arrays([file.values for file in chosen])
        _, first = np.unique(keys, axis=0, return_index=True)
        self.write(keys[first], values.take(pa.array(first)))
        self.files = [file for file in self.files if all(file is not one for one in chosen)]
        for file in chosen:
            files.remove_quietly(file.path)


def taken(pieces: Sequence[tuple[pa.Array, Any]], places: Any, type_: pa.DataType) -> pa.Array:
    """An array whose rows come from pieces: of each, the rows at its indices; ``places`` says where they go."""
    rows = [values.take(pa.array(indices)) for values, indices in pieces]
    whole = pa.concat_arrays(rows) if rows else pa.array([], type_)
    order = np.empty(len(places), np.int64)
    order[places] = np.arange(len(places))
    return whole.take(pa.array(order))


def damaged(root: Path) -> Iterator[Path]:
    """Files of results whose bytes are not what was written."""
    for here, _, names in os.walk(root):
        for name in sorted(names):
            told = checksum(name)
            if told is not None and files.crc32(Path(here, name)) != told:
                yield Path(here, name)


def erase(root: Path, *, sync: bool) -> None:
    """Remove all results of a dataset; of a link only the link."""
    if root.is_symlink():
        with files.explained(root):
            root.unlink()
        return
    for here, folders, names in os.walk(root, topdown=False):
        with files.explained(here):
            for name in names:
                Path(here, name).unlink(missing_ok=True)
            for path in (Path(here, name) for name in folders):
                path.unlink() if path.is_symlink() else path.rmdir()
    if sync and root.is_dir():
        with files.explained(root):
            files.sync_folder(root)
