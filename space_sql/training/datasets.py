"""Hugging Face datasets: ordinary columns as its Arrow table, records read and decoded when a row is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from space_sql.training.extra import needs
from space_sql.training.rows import Rows

with needs("datasets"):
    import datasets

_ROW = "_space_row"


def dataset(rows: Rows) -> Any:
    """A ``datasets.Dataset`` of the rows in their order.

    It holds numbers of rows; columns are read when they are looked at, so ``shuffle``, ``select`` and
    ``train_test_split`` copy nothing. ``map`` and ``filter`` work on what is read. Images named by the dataset's
    fields come decoded where the rows are (``decode=True``).
    """
    numbers = datasets.Dataset(pa.table({_ROW: pa.array(range(len(rows)), pa.int64())}))
    return numbers.with_transform(_Read(rows))


class _Read:
    """Rows in place of their numbers."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        added = {name: values for name, values in batch.items() if name != _ROW}
        return {**self._rows.take(batch[_ROW]), **added}


def copied(rows: Rows, images: tuple[str, ...] = (), **options: Any) -> Any:
    """A ``datasets.Dataset`` with the rows written into its own Arrow files, to be saved or shared.

    ``images`` are columns that become ``datasets.Image``, decoded when a row is looked at; the rows must not be
    decoded already. ``options`` go to ``Dataset.from_generator``.
    """
    made = datasets.Dataset.from_generator(_generate, gen_kwargs={"rows": rows}, **options)
    for name in images:
        made = made.cast_column(name, datasets.Image())
    return made


def _generate(rows: Rows) -> Any:
    yield from rows
