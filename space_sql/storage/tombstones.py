"""Data files written anew without some rows: these stay as rows of NULLs, so that every position stays what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space_sql.errors import StorageError
from space_sql.format.data_file import DataFile
from space_sql.format.paths import DATA, new_data_path
from space_sql.storage import files
from space_sql.storage.parquet import ORIGIN_COLUMNS, field_id, field_statistics


def without_rows(root: Path, file: DataFile, rows: pa.Int64Array, records: Collection[int], *, sync: bool) -> DataFile:
    """A copy of a data file under a new name in which some rows hold nothing but their origin.

    ``rows`` are positions; ``records`` are the ids of record fields. Encodings and row groups are those of the file.
    """
    path = new_data_path()
    full = root / path
    used: Counter[str] = Counter()
    try:
        with files.explained(full), pq.ParquetFile(root / file.path, arrow_extensions_enabled=True) as source:
            schema = source.schema_arrow
            with _writer(full, source) as writer:
                start = 0
                for group in range(source.metadata.num_row_groups):
                    table = _blanked(source.read_row_group(group), rows, start)
                    writer.write_table(table, row_group_size=max(len(table), 1))
                    start += len(table)
                    for field in schema:
                        if field_id(field) in records:
                            used.update(pc.struct_field(table[field.name], "file").drop_null().to_pylist())
            if sync:
                files.sync_file(full)
                files.sync_folder(root / DATA)
        with pq.ParquetFile(full) as written:
            metadata = written.metadata
            if not metadata.schema.equals(source.metadata.schema) or metadata.num_rows != file.rows:
                raise StorageError(f"{root / file.path} cannot be written anew as it is; nothing was changed")
            stats = field_statistics(metadata, schema)
    except BaseException:
        files.remove_quietly(full)
        raise
    kept = tuple(replace(r, used=used[r.path]) for r in file.records if used[r.path])
    size = full.stat().st_size
    return replace(file, path=path, bytes=size, stats=stats, crc32=files.crc32(full), records=kept)


def _blanked(table: pa.Table, rows: pa.Int64Array, start: int) -> pa.Table:
    """A row group whose first row has the position ``start``, without the rows."""
    positions = pa.array(range(start, start + len(table)), pa.int64())
    gone = pc.is_in(positions, rows)
    if not pc.any(gone).as_py():
        return table
    taken = pc.if_else(gone, None, pc.subtract(positions, start))
    columns = [
        column if field.name in ORIGIN_COLUMNS else _taken(column.combine_chunks(), taken)
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _taken(column: pa.Array | pa.ChunkedArray, taken: pa.Int64Array) -> pa.ChunkedArray:
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    return chunked.take(taken)


def _writer(full: Path, source: pq.ParquetFile) -> pq.ParquetWriter:
    metadata = source.metadata
    chunks = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    times = Counter(chunk.path_in_schema for chunk in chunks)
    dictionary, statistics, delta = [], [], {}
    compression = {}
    for index, chunk in enumerate(chunks):
        path = chunk.path_in_schema
        compression[path] = chunk.compression
        if times[path] > 1:
            continue  # the writer cannot tell them apart
        if chunk.has_dictionary_page:
            dictionary.append(path)
        elif "DELTA_BINARY_PACKED" in chunk.encodings:
            delta[path] = "DELTA_BINARY_PACKED"
        groups = range(metadata.num_row_groups)
        if all(metadata.row_group(g).column(index).is_stats_set for g in groups):
            statistics.append(path)
    return pq.ParquetWriter(
        full,
        source.schema_arrow,
        compression=compression,
        use_dictionary=dictionary or False,
        column_encoding=delta or None,
        write_statistics=statistics or False,
        write_page_checksum=True,
        store_schema=False,
    )
