"""The receiver's writer: one thread that brings events into the datasets, and looks at the server now and then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.errors import InvalidInputError, SpaceError
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.media import Media
from space_sql.interop.label_studio.queue import Queue

_log = logging.getLogger("space_sql.label_studio")
_BATCH = 500
_PAUSE = 0.2
_LONGEST = 60.0


class Writer(threading.Thread):
    """Writes what waits, a few hundred events a snapshot; what fails is tried again until it succeeds.

    Args:
        reconcile: brings the datasets up to the server, for what no event tells; None without a server.
        every: seconds between two of these.
    """

    def __init__(
        self,
        queue: Queue,
        path: str,
        options: Options,
        media: Media | None = None,
        *,
        reconcile: Callable[[], object] | None = None,
        every: float = 300.0,
    ) -> None:
        super().__init__(name="label-studio-writer", daemon=True)
        self._queue, self._path, self._options, self._media = queue, path, options, media
        self._reconcile, self._every = reconcile, every
        self._due = time.monotonic() if reconcile is not None else float("inf")
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._tired = _PAUSE

    def wake(self) -> None:
        """There is an event to write."""
        self._wake.set()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Until it is stopped."""
        while True:
            stopping = self._stop.is_set()
            self._wake.clear()
            done = self._attempt(self.write)
            if done and not stopping and time.monotonic() >= self._due and self._reconcile is not None:
                self._due = time.monotonic() + self._every
                done = self._attempt(self._reconcile)
            if stopping:
                return
            if not done:
                self._stop.wait(self._tired)
                self._tired = min(self._tired * 2, _LONGEST)
                continue
            self._tired = _PAUSE
            self._wake.wait(max(0.0, min(self._due - time.monotonic(), 3600.0)))
            self._stop.wait(_PAUSE)  # what comes together is written together

    def _attempt(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except Exception as error:  # the thread must live: events wait, and come again
            _log.warning("%s", error.line if isinstance(error, SpaceError) else repr(error))
            return False
        return True

    def write(self) -> None:
        """Write all events that wait."""
        while events := self._queue.waiting()[:_BATCH]:
            good = [event for event in events if self._is_event(event)]
            try:
                self._put(good)
            except InvalidInputError:
                good = [event for event in good if self._is_put(event)]
            self._queue.remove(good)

    def _is_put(self, event: Path) -> bool:
        """Write one event; what cannot be written is put aside."""
        try:
            self._put([event])
        except InvalidInputError as error:
            _log.warning("%s is put aside: %s", event.name, error.line)
            self._queue.reject(event)
            return False
        return True

    def _put(self, events: list[Path]) -> None:
        bodies = [event.read_bytes() for event in events]
        telling = [body for body in bodies if len(orjson.loads(body)) > 1]
        if len(telling) < len(bodies):  # an event without its payload: only the server knows
            self._due = time.monotonic()
        if telling:
            put(Session(0, 0), self._path, Batch(events=telling), self._options, self._media)

    def _is_event(self, event: Path) -> bool:
        try:
            body = orjson.loads(event.read_bytes())
        except (orjson.JSONDecodeError, FileNotFoundError):
            body = None
        if isinstance(body, dict) and isinstance(body.get("action"), str):
            return True
        if event.exists():
            self._queue.reject(event)
        return False
