"""Rows as Arrow record batches: what Arrow, pandas, Polars and DuckDB itself read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from space_sql.format.types import VARCHAR
from space_sql.storage.records import RecordFiles
from space_sql.training.index import Index, Numbers, Records

_BATCH_BYTES = 64 << 20


def schema(index: Index) -> pa.Schema:
    """The types of the columns: those of the data files, and large_binary or large_string for records."""
    return pa.schema([(name, _type(column)) for name, column in index.columns.items()])


def _type(column: object) -> pa.DataType:
    if isinstance(column, Records):
        return pa.large_string() if column.column.type == VARCHAR else pa.large_binary()
    return column.arrow.type  # type: ignore[attr-defined]


def batch(index: Index, files: RecordFiles, rows: Numbers) -> pa.RecordBatch:
    """Some rows in the order asked."""
    types = schema(index)
    arrays = []
    for name, column in index.columns.items():
        if isinstance(column, Records):
            arrays.append(pa.array(column.take(files, rows), types.field(name).type))
        else:
            taken = column.arrow.take(pa.array(rows))
            arrays.append(taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken)
    return pa.RecordBatch.from_arrays(arrays, schema=types)


def reader(index: Index, files: RecordFiles, rows: Numbers, batch_rows: int) -> pa.RecordBatchReader:
    """Rows in the order asked, in batches that hold about 64 MiB of records at most."""
    return pa.RecordBatchReader.from_batches(
        schema(index), (batch(index, files, part) for part in _parts(index, rows, batch_rows))
    )


def _parts(index: Index, rows: Numbers, batch_rows: int) -> Iterator[Numbers]:
    fields = [column for column in index.columns.values() if isinstance(column, Records)]
    for first in range(0, len(rows), batch_rows):
        part = rows[first : first + batch_rows]
        if not fields:
            yield part
            continue
        ends = np.cumsum(sum(field.length[part] for field in fields)) // _BATCH_BYTES
        yield from np.split(part, np.flatnonzero(np.diff(ends)) + 1)
