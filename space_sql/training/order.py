"""The order of an epoch in NumPy: which row is at a place, for any places, without a pass over the rows.

Source: space_sql.dataset.shuffle, which says the same in SQL; docs/adr/011-epochs.md.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space_sql.dataset.shuffle import FIRST, MASK, SECOND, round_keys

Numbers = NDArray[np.uint64]


class Order:
    """A permutation of 0 to ``rows`` - 1, chosen by ``seed`` and ``epoch``."""

    def __init__(self, rows: int, seed: int, epoch: int) -> None:
        self.rows = rows
        self.seed = seed
        self.epoch = epoch
        self._a = max(1, math.ceil(math.sqrt(rows)))
        self._b = max(1, -(-rows // self._a))
        self._keys = round_keys(seed, epoch)

    def at(self, places: Any) -> NDArray[np.int64]:
        """The rows at some places; ``places`` are whole numbers from 0 to ``rows`` - 1."""
        wanted = np.asarray(places, dtype=np.int64)
        slots = wanted + np.searchsorted(self._holes, wanted, side="right")
        return self._row(slots.astype(np.uint64))

    @cached_property
    def _holes(self) -> NDArray[np.int64]:
        """How many places are before each slot without a row, in the order of those slots."""
        slots = np.sort(self._slot(np.arange(self.rows, self._a * self._b, dtype=np.uint64)).astype(np.int64))
        return slots - np.arange(len(slots), dtype=np.int64)

    def _slot(self, rows: Numbers) -> Numbers:
        left, right = np.divmod(rows, np.uint64(self._b))
        a, b = np.uint64(self._a), np.uint64(self._b)
        for number, key in enumerate(self._keys):
            if number % 2:
                right = (right + _hash(left, key)) % b
            else:
                left = (left + _hash(right, key)) % a
        return left * b + right

    def _row(self, slots: Numbers) -> NDArray[np.int64]:
        left, right = np.divmod(slots, np.uint64(self._b))
        a, b = np.uint64(self._a), np.uint64(self._b)
        for number, key in reversed(list(enumerate(self._keys))):
            if number % 2:
                right = (right + b - _hash(left, key) % b) % b
            else:
                left = (left + a - _hash(right, key) % a) % a
        return (left * b + right).astype(np.int64)


def _hash(numbers: Numbers, key: int) -> Numbers:
    mask = np.uint64(MASK)
    h = numbers ^ np.uint64(key)
    h = ((h ^ (h >> np.uint64(16))) * np.uint64(FIRST)) & mask
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(SECOND)) & mask
    return h ^ (h >> np.uint64(16))
