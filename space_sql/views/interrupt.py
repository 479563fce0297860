"""Ctrl-C while DuckDB computes.

Python raises it in the main thread, where DuckDB waits for the threads that compute: these must ask, or go on.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_heard = 0


class Interrupt:
    """Made in the thread of a statement; whoever computes for it asks whether Ctrl-C came since."""

    def __init__(self) -> None:
        self._main = threading.current_thread() is threading.main_thread()
        if self._main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _hear)
        self._before = _heard

    def check(self) -> None:
        """Raise KeyboardInterrupt if it came."""
        if self._main and _heard != self._before:
            raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard += 1
    signal.default_int_handler(number, frame)
