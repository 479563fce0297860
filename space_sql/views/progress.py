"""A line on the terminal, or in a notebook, while a refresh computes with Python functions for long."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from space_sql.format.computed import Called

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

QUIET = 2.0
"""Seconds before anything is shown."""


class Progress:
    """How many rows functions were asked for and how many of these they computed.

    ``rows``: how many changed rows the refresh reads, where that is known: about as many are asked for.
    """

    def __init__(self, rows: int | None) -> None:
        self._rows = rows
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._bars: Bars | None = None
        self._tasks: dict[Called, Any] = {}
        self._seen: dict[Called, int] = {}
        self._computed: dict[Called, int] = {}

    def seen(self, called: Called, rows: int, computed: int) -> None:
        """Rows are done, some of which were computed and told already."""
        with self._lock:
            self._seen[called] = self._seen.get(called, 0) + rows - computed
        self._show(called)

    def computed(self, called: Called, rows: int) -> None:
        """Rows were computed."""
        with self._lock:
            self._seen[called] = self._seen.get(called, 0) + rows
            self._computed[called] = self._computed.get(called, 0) + rows
        self._show(called)

    @property
    def counts(self) -> dict[Called, tuple[int, int]]:
        """Of each function, how many rows are done, and how many of these were computed."""
        with self._lock:
            return {called: (done, self._computed.get(called, 0)) for called, done in self._seen.items()}

    def _show(self, called: Called) -> None:
        if time.monotonic() - self._began < QUIET:
            return
        with self._lock, suppress(OSError, ValueError):  # a terminal that is gone stops no refresh
            if self._bars is None:
                self._bars = _bars()
                self._bars.start()
            done = self._seen[called]
            total = None if self._rows is None else max(self._rows, done)
            computed = f"{self._computed.get(called, 0):,} computed"
            if called not in self._tasks:
                name = f"{called.name} {called.version}"
                self._tasks[called] = self._bars.add_task(name, total=total, told=computed)
            self._bars.update(self._tasks[called], completed=done, total=total, told=computed)

    def end(self) -> None:
        """Leave the line as it is."""
        with self._lock, suppress(OSError, ValueError):
            if self._bars is not None:
                self._bars.stop()
                self._bars = None


def console() -> Console:
    """Where progress goes: the terminal that errors go to, and what Jupyter shows of it."""
    from rich.console import Console

    return Console(stderr=True, force_terminal=True if "ipykernel" in sys.modules else None, force_jupyter=False)


def _bars() -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    shown = console()
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=not shown.is_terminal,
    )
