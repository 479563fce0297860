"""Whether the keys of staged files ascend: then none repeats, and no table of all of them is needed to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.storage import files as disk


def ascend(root: Path, files: Sequence[DataFile], key: Column) -> bool:
    """Whether a column has integers, no NULL, that grow from row to row in each row group, and no groups overlap.

    What it says no to may still be free of repeats.
    """
    spans: list[tuple[Any, Any]] = []
    for file in files:
        for values in _groups(root / file.path, key.id):
            if not pa.types.is_integer(values.type) or values.null_count:
                return False
            if not pc.all(pc.greater(values[1:], values[:-1]), min_count=0).as_py():
                return False
            spans.append((values[0].as_py(), values[-1].as_py()))
    spans.sort()
    return all(before[1] < after[0] for before, after in pairwise(spans))


def _groups(path: Path, column_id: int) -> Iterator[pa.Array]:
    """A column's values in each row group that has any; nothing but one array of no integers where it is not found."""
    with disk.explained(path), pq.ParquetFile(path) as file:
        field_id = str(column_id).encode()
        names = [f.name for f in file.schema_arrow if (f.metadata or {}).get(b"PARQUET:field_id") == field_id]
        if len(names) != 1 or not pa.types.is_integer(file.schema_arrow.field(names[0]).type):
            yield pa.array([None])
            return
        for group in range(file.num_row_groups):
            values = file.read_row_group(group, columns=names).column(0).combine_chunks()
            if len(values):
                yield values
