"""Syncing a file that is still being written, beside the writing: at its end little is left to sync."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from space_sql.storage import files

BEHIND_BYTES = 16 << 20
"""How much is written before it is synced: what is written at once has no thread and no sync of its own."""


class SyncBehind:
    """Syncs what was written of growing files, in a thread; ``finish`` raises what failed there.

    A file is not durable before it is synced again after its end: a failure that was told to one is told to
    nobody else, so none may be passed over. Not thread-safe.
    """

    def __init__(self) -> None:
        self._unsynced = 0
        self._thread: ThreadPoolExecutor | None = None
        self._job: Future[None] | None = None

    def wrote(self, path: Path, size: int) -> None:
        """Note that a file has grown by a number of bytes."""
        self._unsynced += size
        if self._unsynced < BEHIND_BYTES or (self._job is not None and not self._job.done()):
            return
        if self._job is not None:
            self._job.result()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "space-sync")
        self._unsynced = 0
        self._job = self._thread.submit(files.sync_file, path)

    def finish(self) -> None:
        """Wait for the thread and end it."""
        job, self._job = self._job, None
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        if job is not None:
            job.result()
