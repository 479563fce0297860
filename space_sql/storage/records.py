"""Writing and reading record files (ArrayRecord), one record at a time.

For training loops: `RecordFiles(root).read_many(files, rows)` gives the records of many addresses in
the order asked, as ``bytes``. Addresses come from ``space_scan(path, records => 'address')``, whose
``file`` and ``row`` are what is asked for here. Readers are kept open in a pool of the process, which
any thread and any forked process may use.

Source: docs/format.md, section "Records"; the options of readers: docs/adr/010-records.md.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from space_sql.errors import FormatError, NotFoundError, SpaceError, StorageError
from space_sql.format.paths import RECORDS
from space_sql.format.records import RecordFile, RecordOptions, new_record_path, record_path
from space_sql.storage import files
from space_sql.storage.behind import SyncBehind

FILE_BYTES = 256 << 20
_SMALL = 1 << 10
_SMALL_GROUP = 16
_READER = "readahead_buffer_size:0,max_parallelism:0"
_SAMPLE = 64 << 10
_READERS_KEPT = 64


def _array_record() -> Any:
    """The library, imported where records are met: most processes meet none."""
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise StorageError(f"records need the package array_record, which does not work here: {error}") from error
    return array_record_module


class RecordWriter:
    """Appends records of one field to files of at most about ``file_bytes`` each.

    Nothing refers to the files until a commit does; ``abort`` removes them. With ``sync`` much is durable
    before ``close`` asks for the rest. Not thread-safe.
    """

    def __init__(
        self, root: Path, folder: str, options: RecordOptions, *, file_bytes: int = FILE_BYTES, sync: bool = False
    ) -> None:
        self._root = root
        self._folder = folder
        self._options = options
        self._file_bytes = file_bytes
        self._writer: Any = None
        self._path = ""
        self._rows = 0
        self._size = 0
        self._paths: list[str] = []
        self._behind = SyncBehind() if sync else None
        self.typical_bytes = _SMALL
        """About how long the records to come are: tells how many a group holds where the options do not."""
        self.written: list[RecordFile] = []

    def append(self, record: bytes) -> tuple[str, int]:
        """Write a record; returns its file and its row there."""
        if self._writer is None:
            self._open(record)
        self._guarded(self._writer.write, record)
        address = self._path, self._rows
        self._rows += 1
        self._size += len(record)
        if self._behind is not None:
            with files.explained(self._root / self._path):
                self._behind.wrote(self._root / self._path, len(record))
        if self._size >= self._file_bytes:
            self._roll()
        return address

    def close(self, *, sync: bool) -> list[RecordFile]:
        """Finish; with ``sync`` the files and their names are durable."""
        self._roll()
        if self._behind is not None:
            with files.explained(self._root / RECORDS / self._folder):
                self._behind.finish()
        if sync and self.written:
            folder = self._root / RECORDS / self._folder
            with files.explained(folder):
                for file in self.written:
                    files.sync_file(self._root / file.path)
                for part in (folder, folder.parent, self._root):
                    files.sync_folder(part)
        return self.written

    def abort(self) -> None:
        """Remove everything that was written."""
        if self._writer is not None:
            try:
                self._writer.close()
            except RuntimeError:
                pass  # what is removed need not be whole
            finally:
                self._writer = None
        if self._behind is not None:
            with contextlib.suppress(OSError):  # what is removed need not be durable
                self._behind.finish()
        for path in self._paths:
            files.remove_quietly(self._root / path)
        self._paths.clear()
        self.written.clear()

    def _open(self, first: bytes) -> None:
        # Never zstd: the library keeps a thread for it, without which a forked process that reads dies.
        self._path = new_record_path(self._folder)
        full = self._root / self._path
        with files.explained(full.parent):
            full.parent.mkdir(parents=True, exist_ok=True)
        self._paths.append(self._path)
        group = self._options.group_size or (1 if self.typical_bytes >= _SMALL else _SMALL_GROUP)
        compression = self._options.compression or ("snappy" if group > 1 or _shrinks(first) else "none")
        compression = "uncompressed" if compression == "none" else compression
        with files.explained(full):
            self._writer = _array_record().ArrayRecordWriter(str(full), f"group_size:{group},{compression}")
        self._rows = self._size = 0
        if not self._writer.ok():
            self._guarded(self._writer.close)
            raise StorageError(f"{full} cannot be written")

    def _roll(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._guarded(writer.close)
            size = (self._root / self._path).stat().st_size
            self.written.append(RecordFile(self._path, self._rows, size, 0))

    def _guarded(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except RuntimeError as error:
            raise _explained(str(error), self._root / self._path) from error


def _shrinks(record: bytes) -> bool:
    """Whether compressing pays for a record and those like it: images and audio are compressed as they come."""
    sample = record[:_SAMPLE]
    return len(zlib.compress(sample, 1)) < 0.9 * len(sample)


_ERRORS = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Permission denied": errno.EACCES,
    "Read-only file system": errno.EROFS,
    "No such file or directory": errno.ENOENT,
}


def _explained(message: str, path: Path) -> SpaceError:
    """The error for what the library says when it fails to write."""
    for text, number in _ERRORS.items():
        if text in message:
            return files.explain(OSError(number, text), path)
    return StorageError(f"{path}: {message.splitlines()[0] if message else 'it cannot be written'}")


class _Pool:
    """Open readers that nobody uses at the moment, the longest unused of them closed first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[str, Any]] = OrderedDict()
        self._by_path: dict[str, list[int]] = {}
        self._next = 0

    def take(self, path: str) -> Any:
        """A reader of a file, if there is one."""
        with self._lock:
            keys = self._by_path.get(path)
            if not keys:
                return None
            key = keys.pop()
            if not keys:
                del self._by_path[path]
            return self._idle.pop(key)[1]

    def drop(self, path: str) -> None:
        """Close the readers of a file that is another one now."""
        while (reader := self.take(path)) is not None:
            reader.close()

    def give(self, path: str, reader: Any) -> None:
        """Keep a reader for the next who asks."""
        closing = None
        with self._lock:
            self._next += 1
            self._idle[self._next] = path, reader
            self._by_path.setdefault(path, []).append(self._next)
            if len(self._idle) > _READERS_KEPT:
                key, (oldest, closing) = self._idle.popitem(last=False)
                keys = self._by_path[oldest]
                keys.remove(key)
                if not keys:
                    del self._by_path[oldest]
        if closing is not None:
            closing.close()


_pool = _Pool()
_left_behind: list[_Pool] = []


def _leave_pool() -> None:
    """A forked process opens files of its own: what was being read when it came to be is not touched."""
    global _pool
    _left_behind.append(_pool)
    _pool = _Pool()


os.register_at_fork(after_in_child=_leave_pool)


def blank(root: Path, file: str, rows: Container[int], *, sync: bool) -> None:
    """Exchange a record file for one in which some records are empty; the others keep their places."""
    records = RecordFiles(root)
    count, full = records.count(file), root / file
    folder = file.split("/")[1]
    writer = RecordWriter(root, folder, RecordOptions(), file_bytes=1 << 62)
    writer.typical_bytes = full.stat().st_size // max(count, 1)
    try:
        for row in range(count):
            writer.append(b"" if row in rows else records.read(file, row))
        (written,) = writer.close(sync=sync)
        with files.explained(full):
            os.replace(root / written.path, full)
            if sync:
                files.sync_folder(full.parent)
    except BaseException:
        writer.abort()
        raise
    _pool.drop(f"{root}/{file}")


class RecordFiles:
    """The records of the dataset at ``root``, by address. Cheap to make, safe in threads and after a fork."""

    def __init__(self, root: str | Path) -> None:
        self._root = str(root)

    def read(self, file: str, row: int, length: int | None = None) -> bytes:
        """One record; with ``length`` (bytes) it must have that length.

        Raises:
            NotFoundError: the record file is missing.
            FormatError: the file is damaged, has no such row, or is not inside the dataset's folder.
        """
        with self._reader(file) as reader:
            return self._record(reader, file, row, length)

    def read_many(
        self, files: Sequence[str | None], rows: Sequence[int | None], lengths: Sequence[int | None] | None = None
    ) -> list[bytes | None]:
        """The records of many addresses, in their order; None where ``rows`` has None.

        Each file is opened once and read forwards, whatever the order asked. Errors are those of ``read``.
        """
        out: list[bytes | None] = [None] * len(rows)
        wanted: dict[str | None, list[tuple[int, int]]] = {}
        for index, row in enumerate(rows):
            if row is not None:
                wanted.setdefault(files[index], []).append((row, index))
        for file, places in wanted.items():
            places.sort()
            with self._reader(file) as reader:
                seek, read, row = reader.seek, reader.read, 0
                try:
                    for row, index in places:
                        seek(row)
                        out[index] = read()
                except IndexError as error:
                    raise self._no_row(reader, file, row) from error
            if lengths is not None:
                for row, index in places:
                    if len(out[index]) != lengths[index]:  # type: ignore[arg-type]  # it was read
                        self._check(out[index], file, row, lengths[index])
        return out

    def count(self, file: str) -> int:
        """How many records a file has."""
        with self._reader(file) as reader:
            return int(reader.num_records())

    def _record(self, reader: Any, file: str | None, row: int, length: int | None) -> bytes:
        try:
            reader.seek(row)
            record: bytes = reader.read()
        except IndexError as error:
            raise self._no_row(reader, file, row) from error
        self._check(record, file, row, length)
        return record

    def _no_row(self, reader: Any, file: str | None, row: int) -> FormatError:
        return FormatError(f"record file {self._root}/{file} has {reader.num_records()} records, and no row {row}")

    def _check(self, record: bytes | None, file: str | None, row: int, length: int | None) -> None:
        if length is not None and record is not None and len(record) != length:
            raise FormatError(f"record {row} of {self._root}/{file} has {len(record)} bytes, its address says {length}")

    @contextmanager
    def _reader(self, file: str | None) -> Iterator[Any]:
        """A reader of a file, from the pool; a damaged file is a FormatError that names it."""
        path = f"{self._root}/{record_path(file)}"
        pool = _pool
        reader = pool.take(path) or self._open(path)
        try:
            yield reader
        except RuntimeError as error:
            raise FormatError(f"record file {path} is damaged ({_short(error)}); restore it from a copy") from error
        pool.give(path, reader)

    def _open(self, path: str) -> Any:
        if not os.path.isfile(path):
            raise NotFoundError(f"record file {path} is missing; restore it from a copy")
        if os.path.commonpath((root := os.path.realpath(self._root), os.path.realpath(path))) != root:
            raise FormatError(f"record file {path} is a link that leaves the dataset's folder")
        with files.explained(path), open(path, "rb"):
            pass  # the library tells a damaged file from one that cannot be opened only in words
        try:
            reader = _array_record().ArrayRecordReader(path, _READER)
        except RuntimeError as error:
            raise FormatError(f"record file {path} is damaged ({_short(error)}); restore it from a copy") from error
        if not reader.ok():
            raise FormatError(f"record file {path} is damaged (it is not whole); restore it from a copy")
        return reader


def _short(error: Exception) -> str:
    """What the library says went wrong, without the numbers that it adds."""
    return re.split(r"[;(]", str(error), maxsplit=1)[0].strip() or "it cannot be read"
