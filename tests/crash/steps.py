"""Every step of a write that touches the disk, counted; at a chosen one something happens.

Only a process made for it calls ``install``: it exchanges functions of the standard library and of
pyarrow by ones that count, before and after they act.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from array_record.python import array_record_module

from space_sql.storage import files as storage_files

AtStep = Callable[[str], None]


def install(at_step: AtStep) -> None:
    """Call ``at_step`` with a name before and after everything that changes the disk."""
    for name in ("link", "unlink", "mkdir", "rmdir", "rename", "replace", "fsync"):
        setattr(os, name, _stepping(getattr(os, name), name, at_step))
    storage_files.open = functools.partial(_Halved, at_step)  # type: ignore[attr-defined]
    array_record_module.ArrayRecordWriter = _stepping(array_record_module.ArrayRecordWriter, "open", at_step)
    pa.OSFile = _stepping(pa.OSFile, "open", at_step)
    for name in ("write_table", "close"):
        setattr(pq.ParquetWriter, name, _stepping(getattr(pq.ParquetWriter, name), name, at_step))


def _stepping(act: Callable[..., Any], name: str, at_step: AtStep) -> Callable[..., Any]:
    def stepping(*given: Any, **named: Any) -> Any:
        at_step(f"before {name}")
        done = act(*given, **named)
        at_step(f"after {name}")
        return done

    return stepping


class _Halved:
    """A file whose writes happen in two halves, with a step between."""

    def __init__(self, at_step: AtStep, *given: Any, **named: Any) -> None:
        self._at_step = at_step
        at_step("before open")
        self._file = open(*given, **named)  # noqa: SIM115 - closed where the caller closes this
        at_step("after open")

    def write(self, data: bytes) -> int:
        half = len(data) // 2
        self._file.write(data[:half])
        self._file.flush()
        self._at_step("half written")
        return half + int(self._file.write(data[half:]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Halved:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class KillAt:
    """Kills this process with SIGKILL at the step of a number; ``count`` are the steps so far."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0

    def __call__(self, name: str) -> None:
        self.count += 1
        if self.count == self.number:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()


class FailAt:
    """Raises an OSError at the step of a number, and at ``more`` steps after it."""

    def __init__(self, number: int, errno: int, more: int = 0) -> None:
        self.first, self.last = number, number + more
        self.errno = errno
        self.count = 0

    def __call__(self, name: str) -> None:
        self.count += 1
        if self.first <= self.count <= self.last:
            raise OSError(self.errno, os.strerror(self.errno))
