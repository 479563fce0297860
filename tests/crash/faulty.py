"""A disk with one fault: some step of what touches it fails, before or after it is done, or is done by half.

Steps are those of the storage layer: opening, writing, syncing, linking, exchanging, listing and removing files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
from array_record.python import array_record_module

from space_sql.storage import files

NAMES = ("link", "unlink", "mkdir", "rmdir", "rename", "replace", "fsync", "listdir", "scandir")


class Disk:
    """Counts steps; at the step of a number it fails in one of these ways: ``before``, ``after``, ``half``."""

    def __init__(self, number: int, how: str, code: int) -> None:
        self.number, self.how, self.code = number, how, code
        self.steps: list[str] = []

    def step(self, name: str, act: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
        """Do something, or fail."""
        self.steps.append(name)
        if len(self.steps) != self.number:
            return act()
        if self.how == "after":
            done = act()
            if hasattr(done, "close"):
                done.close()
        elif self.how == "half" and half is not None:
            half()
        raise OSError(self.code, os.strerror(self.code))

    def stepping(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is one step."""
        return lambda *given, **named: self.step(name, lambda: act(*given, **named))


class _File:
    """A file of which a write may be short."""

    def __init__(self, disk: Disk, *given: Any, **named: Any) -> None:
        self._disk = disk
        self._file = disk.step("open", lambda: open(*given, **named))  # noqa: SIM115 - closed by its caller

    def write(self, data: bytes) -> Any:
        half = data[: len(data) // 2]
        return self._disk.step("write", lambda: self._file.write(data), lambda: self._file.write(half))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


@contextmanager
def faulty(number: int, how: str, code: int) -> Iterator[Disk]:
    """This process has such a disk."""
    disk = Disk(number, how, code)
    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(mock.patch.object(os, name, disk.stepping(name, getattr(os, name))))
        opened = lambda *given, **named: _File(disk, *given, **named)  # noqa: E731
        stack.enter_context(mock.patch.object(files, "open", opened, create=True))
        stack.enter_context(mock.patch.object(pa, "OSFile", disk.stepping("open", pa.OSFile)))
        writer = disk.stepping("open", array_record_module.ArrayRecordWriter)
        stack.enter_context(mock.patch.object(array_record_module, "ArrayRecordWriter", writer))
        for name in ("write_table", "close"):
            method = getattr(pq.ParquetWriter, name)
            stepping = _method(disk, f"parquet {name}", method)
            stack.enter_context(mock.patch.object(pq.ParquetWriter, name, stepping))
        yield disk


def _method(disk: Disk, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    def stepping(self: Any, *given: Any, **named: Any) -> Any:
        return disk.step(name, lambda: act(self, *given, **named))

    return stepping
