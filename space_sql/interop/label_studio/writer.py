"""The receiver's writer: one thread that brings events into the datasets, and looks at the server now and then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import orjson

from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, branch_of
from space_sql.errors import InvalidInputError, NotFoundError, SpaceError
from space_sql.interop.label_studio.batch import Batch, Fetch
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.media import Media
from space_sql.interop.label_studio.queue import Queue, accepted_at
from space_sql.interop.label_studio.standing import OVERLAP, asked_at

_log = logging.getLogger("space_sql.label_studio")
_BATCH = 500
_PAUSE = 0.2
_LONGEST = 60.0
_UNWRITABLE = (InvalidInputError, NotFoundError, duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError)


class Writer(threading.Thread):
    """Writes what waits, a few hundred events a snapshot; what fails is tried again until it succeeds.

    Args:
        reconcile: brings the datasets up to the server, for what no event tells; None without a server.
        every: seconds between two of these.
        users: e-mail addresses by id, as they become known.
        fetch: brings what tasks name.
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
        users: Mapping[int, str] | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        super().__init__(name="label-studio-writer", daemon=True)
        self._queue, self._path, self._options, self._media = queue, path, options, media
        self._reconcile, self._every = reconcile, every
        self._users = users if users is not None else {}
        self._fetch = fetch
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
            news = [event for event in events if self._is_event(event) and self._is_news(event)]
            try:
                self._put(news)
            except _UNWRITABLE:
                put(Session(0, 0), self._path, Batch(), self._options, self._media)  # are the datasets to blame?
                news = [event for event in news if self._is_put(event)]
            self._queue.remove([event for event in events if event.exists()])

    def _is_put(self, event: Path) -> bool:
        """Write one event; what cannot be written is put aside."""
        try:
            self._put([event])
        except _UNWRITABLE as error:
            _log.warning("%s is put aside: %s", event.name, error.line if isinstance(error, SpaceError) else error)
            self._queue.reject(event)
            return False
        return True

    def _put(self, events: list[Path]) -> None:
        bodies = [event.read_bytes() for event in events]
        telling = [body for body in bodies if len(orjson.loads(body)) > 1]
        if len(telling) < len(bodies):  # an event without its payload: only the server knows
            self._due = time.monotonic()
        if telling:
            batch = Batch(events=telling, users=self._users, fetch=self._fetch)
            put(Session(0, 0), self._path, batch, self._options, self._media)

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

    def _is_news(self, event: Path) -> bool:
        """Whether the server was not asked since: what waited too long could undo what came later."""
        project = orjson.loads(event.read_bytes()).get("project")
        number = project.get("id") if isinstance(project, dict) else None
        branch = branch_of(Session(0, 0), self._options)
        asked = asked_at(self._queue.place, number, branch) if isinstance(number, int) else 0
        return accepted_at(event) > asked - OVERLAP.total_seconds() * 1e9
