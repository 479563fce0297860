"""Writing the result of an engine query, whose values are stored ones already, into data files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from space_sql.dataset.arrow_types import arrow_type, exported
from space_sql.dataset.staging import described
from space_sql.format.commit import DataFile
from space_sql.format.schema import Column
from space_sql.format.types import BIGINT
from space_sql.storage.parquet import (
    ORIGIN_COLUMNS,
    ORIGIN_IDS,
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    DataWriter,
    with_field_id,
)

ORIGINS = tuple(Column(i, name, BIGINT) for i, name in zip(ORIGIN_IDS, ORIGIN_COLUMNS, strict=True))
"""The columns that tell where a row of a merged file was first written."""


def write_query(
    con: duckdb.DuckDBPyConnection,
    root: Path,
    query: str,
    columns: Sequence[Column],
    change: str,
    *,
    sync: bool,
    origin: bool = False,
) -> list[DataFile]:
    """The query's rows in new data files; with ``origin`` it has the columns ``ORIGINS`` before the others."""
    written = [*ORIGINS, *columns] if origin else list(columns)
    schema = pa.schema([with_field_id(pa.field(c.stored_name, arrow_type(c.type)), c.id) for c in written])
    writer = DataWriter(root, change, origin=origin)
    try:
        for table in _large_tables(con.sql(query).to_arrow_reader(ROW_GROUP_ROWS)):
            arrays = [exported(c, field.type) for c, field in zip(table.columns, schema, strict=True)]
            writer.write(pa.Table.from_arrays(arrays, schema=schema))
        writer.close(sync=sync)
    except BaseException:
        writer.abort()
        raise
    return [described(file, metadata, columns) for file, metadata in writer.written]


def _large_tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches joined into tables of a row group's size: DuckDB 2.0 hands out many small ones."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + len(batch), size + batch.nbytes
        if rows >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)
