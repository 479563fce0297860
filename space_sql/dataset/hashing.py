"""Hashes of records, computed while the records before are written.

Hashing is a third of what writing records costs a processor, and runs beside it: SHA-256 lets other threads go on.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

HASH_BYTES = 16
"""How much of a record's SHA-256 its address keeps."""

_WINDOW_BYTES = 4 << 20
"""How much is handed to the thread at once."""

_LARGE_BYTES = 32 << 20
"""A window with that much is hashed and written before more is read: two such would be in memory otherwise."""


def record_hash(record: bytes) -> bytes:
    """The hash that an address keeps."""
    return hashlib.sha256(record).digest()[:HASH_BYTES]


def hashed(records: Iterable[bytes | None]) -> Iterator[tuple[bytes | None, bytes]]:
    """The records, each with its hash, in their order; a NULL has an empty one."""
    windows = _windows(records)
    first = next(windows, None)
    if first is None:
        return
    if _bytes(first) < _WINDOW_BYTES:  # all of them: not worth a thread
        yield from zip(first, _hashes(first), strict=True)
        return
    waiting: list[bytes | None] = []
    marks: Future[list[bytes]] | None = None
    with ThreadPoolExecutor(1, "space-hash") as thread:
        for window in itertools.chain([first], windows):
            job = thread.submit(_hashes, window)
            if marks is not None:
                yield from zip(waiting, marks.result(), strict=True)
            waiting, marks = window, job
            if _bytes(window) >= _LARGE_BYTES:
                yield from zip(waiting, marks.result(), strict=True)
                waiting, marks = [], None
        if marks is not None:
            yield from zip(waiting, marks.result(), strict=True)


def _hashes(records: list[bytes | None]) -> list[bytes]:
    return [b"" if record is None else record_hash(record) for record in records]


def _bytes(records: list[bytes | None]) -> int:
    return sum(len(record) for record in records if record is not None)


def _windows(records: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    window: list[bytes | None] = []
    size = 0
    for record in records:
        window.append(record)
        size += len(record) if record is not None else 0
        if size >= _WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window
