"""Writing the result of an engine query, whose values are stored ones already, into data files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from space_sql.dataset.arrow_types import column_field, exported
from space_sql.dataset.engine import cursor
from space_sql.dataset.record_move import RecordMover
from space_sql.dataset.scan import FILE, POS, rows_sql
from space_sql.dataset.staging import described
from space_sql.errors import StorageError
from space_sql.format.data_file import DataFile
from space_sql.format.records import by_path
from space_sql.format.schema import Column, Schema
from space_sql.format.types import BIGINT, quote_identifier
from space_sql.storage import files as disk
from space_sql.storage.parquet import (
    FILE_BYTES,
    ORIGIN_COLUMNS,
    ORIGIN_IDS,
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    DataWriter,
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
    file_bytes: int = FILE_BYTES,
    sources: Sequence[DataFile] = (),
    mover: RecordMover | None = None,
) -> list[DataFile]:
    """The query's rows in new data files; with ``origin`` it has the columns ``ORIGINS`` before the others.

    ``sources`` are the files that the rows come from: their records stay where they are, but for those that ``mover``
    moves.
    """
    written = [*ORIGINS, *columns] if origin else list(columns)
    schema = pa.schema([column_field(c) for c in written])
    known = by_path(record for source in sources for record in source.records)
    writer = DataWriter(root, change, file_bytes=file_bytes, origin=origin)
    try:
        for table in _large_tables(con.sql(query).to_arrow_reader(ROW_GROUP_ROWS)):
            arrays = [exported(c, field.type) for c, field in zip(table.columns, schema, strict=True)]
            if mover is not None:
                arrays = [mover.moved(column, array) for column, array in zip(written, arrays, strict=True)]
            writer.write(pa.Table.from_arrays(arrays, schema=schema))
        if mover is not None:
            known |= mover.close(sync=sync)
        writer.close(sync=sync)
    except BaseException:
        writer.abort()
        if mover is not None:
            mover.abort()
        raise
    return [described(file, metadata, columns, known) for file, metadata in writer.written]


def merge_files(
    root: Path,
    schema: Schema,
    files: Sequence[DataFile],
    *,
    sync: bool,
    order_by: Sequence[str] = (),
    file_bytes: int = FILE_BYTES,
    leaving: Collection[str] = (),
) -> list[DataFile]:
    """New files with the live rows of others, each row with its origin; ordered by columns where named.

    Records are copied out of the record files whose paths are ``leaving``.
    """
    columns = schema.columns
    names = ", ".join(quote_identifier(c.name) for c in columns)
    plain = [f for f in files if not f.origin]
    moved = [f for f in files if f.origin]
    parts = []
    if plain:
        rows = rows_sql(root, plain, columns, logical=False, positions=True)
        parts.append(f"SELECT {FILE} AS {ORIGIN_COLUMNS[0]}, {POS} AS {ORIGIN_COLUMNS[1]}, {names} FROM ({rows})")
    if moved:
        parts.append(rows_sql(root, moved, [*ORIGINS, *columns], logical=False))
    query = " UNION ALL ".join(parts)
    if order_by:
        query = f"SELECT * FROM ({query}) ORDER BY {', '.join(quote_identifier(name) for name in order_by)}"
    mover = RecordMover(root, leaving) if leaving else None
    with cursor() as con:
        merged = write_query(
            con, root, query, columns, "fold", sync=sync, origin=True, file_bytes=file_bytes, sources=files, mover=mover
        )
    if sum(f.rows for f in merged) != sum(f.live for f in files):
        for file in merged:
            disk.remove_quietly(root / file.path)
        if mover is not None:
            mover.abort()
        raise StorageError("merging files gave another number of rows; they stay as they are")
    return merged


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
