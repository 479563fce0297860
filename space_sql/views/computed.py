"""Results of Python functions, computed once for the same arguments and kept with the view.

While a view is refreshed, its functions ask here first. What is new is kept durably in batches, so that a refresh
that is interrupted leaves what it computed to the next one.

Source: docs/format.md, section "Computed results"; docs/adr/015-computed-results.md.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from space_sql.errors import SpaceError
from space_sql.format.computed import Called
from space_sql.storage.computed import Folder, Keys, taken
from space_sql.views.evaluate import Columns, arrays, arrow_type, digests, evaluate
from space_sql.views.functions import KNOWN, Function, Instance
from space_sql.views.interrupt import Interrupt
from space_sql.views.progress import Progress

if TYPE_CHECKING:
    from space_sql.views.ray import Ray

FIRST, LAST = 1.0, 60.0
"""Seconds between two batches that are kept: a twentieth of the time so far, within these."""
_BATCH_BYTES = 64 << 20
_MOST = 2048
_SLICE = 1.0
"""Seconds that one call of a function shall take about: it is given more rows or fewer."""


class Kept:
    """The results of one function."""

    def __init__(self, root: Path, called: Called, *, sync: bool) -> None:
        self.called = called
        self.type = arrow_type(called.returns)
        told = {"function": called.name, "version": str(called.version)}
        self._folder = Folder(root / called.folder, self.type, told, sync=sync)
        self.lock = threading.RLock()
        self._new: dict[bytes, tuple[int, int]] = {}
        self._keys: list[Keys] = []
        self._values: list[pa.Array] = []
        self._bytes = 0
        self._began = self._last = time.monotonic()
        self.rows = 1

    def found(self, keys: Keys) -> tuple[list[tuple[pa.Array, Any]], Any, Any]:
        """What is known of distinct keys: pieces of results, the keys that they are for, and the other keys."""
        pieces: list[tuple[pa.Array, Any]] = []
        known: list[Any] = []
        open_ = np.arange(len(keys))
        by_batch: dict[int, list[tuple[int, int]]] = {}
        for at in open_ if self._new else ():
            place = self._new.get(keys[at].tobytes())
            if place is not None:
                by_batch.setdefault(place[0], []).append((place[1], int(at)))
        for batch, pairs in by_batch.items():
            pieces.append((self._values[batch], np.array([row for row, _ in pairs])))
            known.append(np.array([at for _, at in pairs]))
        if known:
            open_ = np.setdiff1d(open_, np.concatenate(known))
        for file in self._folder.files:
            if not len(open_):
                break
            rows = file.find(keys[open_])
            hit = rows >= 0
            if hit.any():
                pieces.append((file.values, rows[hit]))
                known.append(open_[hit])
                open_ = open_[~hit]
        return pieces, np.concatenate(known) if known else np.empty(0, np.int64), open_

    def add(self, keys: Keys, values: pa.Array) -> None:
        """Take results; they are kept when it is time."""
        batch = len(self._values)
        self._keys.append(keys)
        self._values.append(values)
        self._new.update((key.tobytes(), (batch, row)) for row, key in enumerate(keys))
        self._bytes += values.nbytes
        now = time.monotonic()
        if now - self._last > min(max((now - self._began) / 20, FIRST), LAST) or self._bytes > _BATCH_BYTES:
            self.keep()

    def keep(self) -> None:
        """Write what is new."""
        with self.lock:
            if self._values:
                self._folder.write(np.concatenate(self._keys), pa.concat_arrays(self._values))
                self._new, self._keys, self._values, self._bytes = {}, [], [], 0
            self._last = time.monotonic()

    def merge(self) -> None:
        """Make few files of many."""
        with self.lock:
            self._folder.merge()


class Computed:
    """The results that one materialize or refresh may use, from its first query to its end.

    It ends with its statement, which may fail without a word to us, unless it is ``lasting``.
    """

    def __init__(
        self,
        root: Path,
        connection: int,
        functions: Iterable[Called],
        *,
        sync: bool,
        rows: int | None = None,
        engine: Ray | None = None,
        lasting: bool = False,
    ) -> None:
        self.lasting = lasting
        self.connection, self.instance = connection, KNOWN.instance(connection)
        self._root, self._sync, self._engine = root, sync, engine
        self._called = set(functions)
        self._kept: dict[Called, Kept] = {}
        self._lock = threading.Lock()
        self._progress = Progress(rows)
        self.failed: SpaceError | None = None
        """What a function failed with, without the words that DuckDB puts before it."""
        self.interrupt = Interrupt()
        _open.add(self)

    def only(self, functions: Iterable[Called]) -> None:
        """Keep results of these functions alone."""
        self._called &= set(functions)

    def kept(self, called: Called) -> Kept | None:
        """The results of a function; None when the view does not call it."""
        if called not in self._called or called.version is None:
            return None
        with self._lock:
            if called not in self._kept:
                self._kept[called] = Kept(self._root, called, sync=self._sync)
            return self._kept[called]

    def evaluate(self, function: Function, kept: Kept, columns: Columns) -> pa.Array:
        """The function's results: those that are known, and the rest computed."""
        try:
            return self._evaluated(function, kept, columns)
        except SpaceError as error:
            self.failed = self.failed or error
            raise

    def _evaluated(self, function: Function, kept: Kept, columns: Columns) -> pa.Array:
        keys, first, inverse = np.unique(digests(columns), axis=0, return_index=True, return_inverse=True)
        with kept.lock:
            pieces, known, missing = kept.found(keys)
            if len(missing):
                rows = pa.array(first[missing])
                computed = self._computed(function, kept, [c.take(rows) for c in columns], keys[missing])
                pieces.append((computed, np.arange(len(missing))))
                known = np.concatenate([known, missing])
        self._progress.seen(function.called, len(columns[0]), len(missing))
        return taken(pieces, known, kept.type).take(pa.array(inverse.reshape(-1)))

    def _computed(self, function: Function, kept: Kept, columns: Columns, keys: Keys) -> pa.Array:
        check = self.interrupt.check
        if self._engine is not None:
            slices = self._engine.results(function, columns, check)
        else:
            slices = _slices(kept, function, columns, check)
        out: dict[int, pa.Array] = {}
        try:
            for at, values in slices:
                out[at] = values
                kept.add(keys[at : at + len(values)], values)
                self._progress.computed(function.called, len(values))
        except BaseException:
            with suppress(SpaceError):  # the first error is the one to tell
                kept.keep()
            raise
        return pa.concat_arrays([out[at] for at in sorted(out)])

    @property
    def counts(self) -> dict[Called, tuple[int, int]]:
        """Of each function, how many rows it was asked for, and how many of these were computed."""
        return self._progress.counts

    def elsewhere(self, counts: Mapping[Called, tuple[int, int]]) -> None:
        """Another process was asked for rows."""
        for called, (asked, computed) in counts.items():
            self._progress.computed(called, computed)
            self._progress.seen(called, asked, computed)

    def keep(self) -> None:
        """Keep what is new; more may be asked."""
        for kept in self._kept.values():
            kept.keep()

    def end(self, *, merge: bool = False) -> None:
        """Keep what is new; nothing is asked any more."""
        _open.discard(self)
        self._progress.end()
        for called in self._called if merge else ():
            self.kept(called)
        for kept in self._kept.values():
            kept.keep()
            if merge:
                with suppress(SpaceError):  # many files are as right as few
                    kept.merge()


def _slices(
    kept: Kept, function: Function, columns: Columns, check: Callable[[], None]
) -> Iterator[tuple[int, pa.Array]]:
    """Some rows after the others, with the number of the first: a batch can be kept between two calls."""
    at, rows = 0, len(columns[0])
    while at < rows:
        begun = time.monotonic()
        part = evaluate(function, [c.slice(at, kept.rows) for c in columns])
        yield at, part
        check()
        at += len(part)
        took = time.monotonic() - begun
        if took < _SLICE / 2:
            kept.rows = min(kept.rows * 2, _MOST)
        elif took > _SLICE * 2:
            kept.rows = max(kept.rows // 2, 1)


_open: weakref.WeakSet[Computed] = weakref.WeakSet()


def results(instance: Instance, function: Function, columns: Sequence[Any]) -> pa.Array:
    """What a call of a registered function gives, in whatever query it stands."""
    given = arrays(columns)
    for computed in list(_open):
        if computed.instance == instance:
            kept = computed.kept(function.called)
            if kept is not None:
                return computed.evaluate(function, kept, given)
    return evaluate(function, given)


def over(connection: int | None = None) -> None:
    """The last statement of a connection is over, of None those of all: what it computed is kept, if it failed too."""
    for computed in list(_open):
        if connection is None or (connection == computed.connection and not computed.lasting):
            with suppress(SpaceError, OSError):
                computed.end()


atexit.register(over)
