"""Ray Data: a datasource with a read task for each part of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from space_sql.storage.records import RecordFiles
from space_sql.training.arrow import reader
from space_sql.training.extra import needs
from space_sql.training.index import Index, Records
from space_sql.training.rows import Rows

with needs("ray"):
    from ray import data
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask


class _Rows(Datasource):  # type: ignore[misc]
    """Rows in tasks of those that follow each other: of a Source they lie in the same files."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._root, index, numbers = rows._found()
        self._index = index.part(numbers)

    def estimate_inmemory_data_size(self) -> int | None:
        return _bytes(self._index)

    def get_read_tasks(self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None) -> Any:
        """Each task carries where its rows are, and asks nothing else of the dataset."""
        count = max(1, min(parallelism, self._index.rows))
        ends = [self._index.rows * number // count for number in range(count + 1)]
        tasks = []
        for first, end in pairwise(ends):
            part = self._index.part(np.arange(first, end))
            metadata = BlockMetadata(end - first, _bytes(part), exec_stats=None)
            tasks.append(ReadTask(_Task(self._root, part), metadata, per_task_row_limit=per_task_row_limit))
        return tasks


class _Task:
    """Reads a part of the rows, wherever it runs; the dataset's folder must be there."""

    def __init__(self, root: str, part: Index) -> None:
        self._root = root
        self._part = part

    def __call__(self) -> Iterator[pa.Table]:
        rows = np.arange(self._part.rows)
        for batch in reader(self._part, RecordFiles(self._root), rows, 1024):
            yield pa.Table.from_batches([batch])


def _bytes(index: Index) -> int:
    fields = [column for column in index.columns.values() if isinstance(column, Records)]
    return index.rows * 8 * len(index.columns) + sum(int(field.length.sum()) for field in fields)


def dataset(rows: Rows, **options: Any) -> Any:
    """A ``ray.data.Dataset`` of the rows; ``options`` go to ``ray.data.read_datasource``. Nothing is decoded.

    Rows come as tasks finish; in the order of a Source or an Epoch where Ray is told to keep orders
    (``ray.data.DataContext.get_current().execution_options.preserve_order = True``).
    """
    return data.read_datasource(_Rows(rows), **options)
