"""Grain: rows as a data source, by number or in the order of an epoch.

A Source or an Epoch is a Grain data source as it is; ``map_dataset`` reads a batch of them at once.
"""

from __future__ import annotations

from typing import Any

from space_sql.training.extra import needs
from space_sql.training.rows import Rows

with needs("grain"):
    import grain


class _Batched:
    """Batches of rows by their number: lists, each read at once."""

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self._rows = rows
        self._size = batch_size

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __getitem__(self, number: int) -> list[dict[str, Any]]:
        return self._rows[number * self._size : (number + 1) * self._size]


def map_dataset(rows: Rows, batch_size: int | None = None) -> Any:
    """A ``grain.MapDataset`` of rows; with ``batch_size`` of lists of rows.

    For shuffled rows give an Epoch: Grain keeps its order with any number of worker processes.
    """
    return grain.MapDataset.source(rows if batch_size is None else _Batched(rows, batch_size))
