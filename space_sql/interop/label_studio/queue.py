"""Events that were accepted: on the disk before they are, and until they are written to the datasets."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from space_sql.errors import StorageError
from space_sql.interop.label_studio.place import Place
from space_sql.storage import files

_count = itertools.count()


class Queue:
    """One file an event, named by its order; safe to use from several threads.

    Args:
        limit: events that may wait, at most.
    """

    def __init__(self, place: Place, *, limit: int = 100_000) -> None:
        self.place = place
        self._folder = place.queue
        self._rejected = place.rejected
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting = len(self.waiting())

    def add(self, event: bytes) -> None:
        """Keep an event; when this returns, it survives the loss of the process and of power.

        Raises:
            StorageError: too many wait, or the disk failed.
        """
        if self._waiting >= self._limit:
            raise StorageError(f"{self._waiting} events wait to be written; no more are taken")
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_count):06d}.json"
        files.put_if_absent(self._folder / name, event, sync=True)
        self._count(1)

    def waiting(self) -> list[Path]:
        """Files of all events, oldest first; parts that a killed process left are none."""
        return sorted(path for path in self._folder.glob("*.json") if not path.name.startswith("."))

    def remove(self, events: Sequence[Path]) -> None:
        """Forget events that are written."""
        for event in events:
            files.remove_quietly(event)
        self._count(-len(events))

    def reject(self, event: Path) -> None:
        """Put an event aside that cannot be written."""
        os.replace(event, self._rejected / event.name)
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._waiting += change


def accepted_at(event: Path) -> int:
    """When an event was accepted, in nanoseconds since 1970."""
    told = event.name.partition("-")[0]
    return int(told) if told.isdecimal() else time.time_ns()
