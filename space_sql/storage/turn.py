"""Taking turns: a writer that was overtaken again and again asks the others to wait, so that no write starves.

This is courtesy and no lock: the log is right without it. Where the file system has no ``flock``, nobody waits.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST = 10.0
"""Seconds that a writer waits for another one at most."""


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Let the others wait before they try again. A process that dies gives its turn back."""
    with _opened(folder) as handle:
        _wait(handle, fcntl.LOCK_EX)
        yield


def awaited(folder: Path) -> None:
    """Wait while another writer has taken a turn."""
    with _opened(folder) as handle:
        _wait(handle, fcntl.LOCK_SH)


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # whoever reads the log says what is wrong with it
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _wait(handle: int | None, how: int) -> None:
    until = time.monotonic() + LONGEST
    with suppress(OSError):
        while handle is not None:
            try:
                fcntl.flock(handle, how | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    return
            time.sleep(random.uniform(0.001, 0.01))
