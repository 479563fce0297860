"""Writing data files and files of deleted positions as Parquet.

Columns carry their id as the Parquet field id, which is how readers find them.

Source: docs/format.md, sections "Data file" and "Deleted positions".
"""

from __future__ import annotations

import datetime
import inspect
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space_sql.errors import FormatError, StorageError
from space_sql.format.data_file import DataFile, DeleteFile
from space_sql.format.forgotten import Forgotten
from space_sql.format.paths import DATA, DELETES, new_data_path, new_deletes_path
from space_sql.format.records import RecordFile
from space_sql.storage import files

ROW_GROUP_ROWS = 122_880
ROW_GROUP_BYTES = 64 << 20
_PAGE_ROWS = {"max_rows_per_page": 20_480}  # ten of DuckDB's vectors: it copies values where a page ends inside one
_PAGES = _PAGE_ROWS if _PAGE_ROWS.keys() <= inspect.signature(pq.ParquetWriter).parameters.keys() else {}
FILE_BYTES = 256 << 20
VECTOR_ROWS = 2048
VECTOR_BYTES = 512 << 20
ORIGIN_COLUMNS = ("_space_origin_file", "_space_origin_pos")
ORIGIN_IDS = (2_147_483_001, 2_147_483_002)
_POSITION = ORIGIN_COLUMNS[1:]  # positions mostly count up: their differences take no room
_SAMPLE = 2048
_STAT_TEXT = 128
_FLOATING = ("FLOAT", "DOUBLE")


def field_id(field: pa.Field) -> int:
    """The column id that an Arrow field carries."""
    return int(field.metadata[b"PARQUET:field_id"])


def with_field_id(field: pa.Field, column_id: int) -> pa.Field:
    """The Arrow field carrying a column id."""
    return field.with_metadata({b"PARQUET:field_id": str(column_id).encode()})


def as_record(field: pa.Field) -> pa.Field:
    """The Arrow field marked as addresses of records."""
    return field.with_metadata({**(field.metadata or {}), b"space:record": b"1"})


def _is_record(field: pa.Field) -> bool:
    return b"space:record" in (field.metadata or {})


def _leaves(name: str, type_: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    if pa.types.is_struct(type_):
        for child in type_:
            yield from _leaves(f"{name}.{child.name}", child.type)
    elif pa.types.is_map(type_):
        yield from _leaves(f"{name}.key_value.key", type_.key_type)
        yield from _leaves(f"{name}.key_value.value", type_.item_type)
    elif pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        yield from _leaves(f"{name}.list.element", type_.value_type)
    else:
        yield name, type_


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether dictionary encoding pays: judged on the first values."""
    type_ = column.type
    if isinstance(type_, pa.BaseExtensionType) or pa.types.is_boolean(type_):
        return isinstance(type_, pa.JsonType)
    sample = column.slice(0, _SAMPLE)
    return bool(pc.count_distinct(sample).as_py() * 2 <= len(sample))


def _counts_up(column: pa.ChunkedArray) -> bool:
    """Whether values are integers that grow from row to row, as keys mostly do: judged on the first values."""
    if not pa.types.is_integer(column.type) or column.type.bit_width < 32:
        return False
    sample = column.slice(0, _SAMPLE)
    if len(sample) < 2 or sample.null_count:
        return False
    values = sample.combine_chunks()
    return bool(pc.all(pc.greater(values[1:], values[:-1])).as_py())


def _has_nan(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py())


class DataWriter:
    """Writes tables of one Arrow schema into data files of at most about ``file_bytes`` each.

    Nothing refers to the files until a commit does; ``abort`` removes them. Not thread-safe.
    """

    def __init__(self, root: Path, change: str, *, file_bytes: int = FILE_BYTES, origin: bool = False) -> None:
        self._root = root
        self._change = change
        self._file_bytes = file_bytes
        self._origin = origin
        self._open: _OpenFile | None = None
        self._paths: list[str] = []
        self.written: list[tuple[DataFile, pq.FileMetaData]] = []

    def write(self, table: pa.Table) -> None:
        """Add rows; each call makes row groups of its own, so calls should be large."""
        if not len(table):
            return
        nan = frozenset(name for name in table.column_names if _has_nan(table[name]))
        if self._open is not None and not nan <= self._open.nan:
            self._roll()
        if self._open is None:
            path = new_data_path()
            self._paths.append(path)
            self._open = _OpenFile(self._root, path, table, nan)
        self._open.write(table)
        if self._open.size >= self._file_bytes:
            self._roll()

    def _roll(self) -> None:
        if self._open is not None:
            self.written.append(self._open.close(self._change, self._origin))
            self._open = None

    def close(self, *, sync: bool) -> list[DataFile]:
        """Finish; with ``sync`` the files and their names are durable."""
        self._roll()
        if sync and self.written:
            with files.explained(self._root / DATA):
                for file, _ in self.written:
                    files.sync_file(self._root / file.path)
                files.sync_folder(self._root / DATA)
        return [file for file, _ in self.written]

    def abort(self) -> None:
        """Remove everything that was written."""
        if self._open is not None:
            self._open.discard()
            self._open = None
        for path in self._paths:
            files.remove_quietly(self._root / path)
        self._paths.clear()
        self.written.clear()


class _OpenFile:
    """A data file being written. Statistics leave out columns with NaN: readers would skip such rows."""

    def __init__(self, root: Path, path: str, table: pa.Table, nan: frozenset[str]) -> None:
        self.nan = nan
        self._records = [f.name for f in table.schema if _is_record(f)]
        self._used: Counter[str] = Counter()
        self._path = path
        self._full = root / path
        self._schema = table.schema
        dictionary: list[str] = []
        statistics: list[str] = []
        deltas = [name for name in _POSITION if name in table.schema.names]
        leaves = {f.name: list(_leaves(f.name, f.type)) for f in table.schema}
        # A column named "a.b" and the field b of a column a have one path: the writer cannot tell them apart.
        seen = Counter(path for found in leaves.values() for path, _ in found)
        for name, found in leaves.items():
            plain = [path for path, _ in found] == [name]
            for path, type_ in found:
                if seen[path] > 1:
                    continue
                if name in self._records:
                    if path == f"{name}.file":
                        dictionary.append(path)
                    continue
                if name not in _POSITION and (not plain or _repeats(table[name])):
                    dictionary.append(path)
                elif plain and name not in _POSITION and _counts_up(table[name]):
                    deltas.append(path)
                if name not in nan if plain else not pa.types.is_floating(type_):
                    statistics.append(path)
        with files.explained(self._full):
            self._sink = pa.OSFile(str(self._full), "wb")
            self._writer = pq.ParquetWriter(
                self._sink,
                self._schema,
                compression="snappy",
                use_dictionary=dictionary or False,
                column_encoding=dict.fromkeys(deltas, "DELTA_BINARY_PACKED") or None,
                write_statistics=statistics or False,
                write_page_checksum=True,
                store_schema=False,
                **_PAGES,
            )

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return int(self._sink.tell())

    def write(self, table: pa.Table) -> None:
        rows = ROW_GROUP_ROWS
        for name in self._records:
            rows = min(rows, _rows_a_group(table[name]))
            paths = pc.struct_field(table[name], "file").drop_null()
            for found in pc.value_counts(paths).to_pylist():
                self._used[found["values"]] += found["counts"]
        with files.explained(self._full):
            self._writer.write_table(table, row_group_size=rows)

    def close(self, change: str, origin: bool) -> tuple[DataFile, pq.FileMetaData]:
        with files.explained(self._full):
            self._writer.close()
            size = self.size
            self._sink.close()
        metadata = self._writer.writer.metadata
        stats = field_statistics(metadata, self._schema)
        file = DataFile(
            number=0,
            path=self._path,
            rows=metadata.num_rows,
            bytes=size,
            change=change,
            stats=stats,
            origin=origin,
            crc32=files.crc32(self._full),
            records=tuple(RecordFile(path, 0, 0, count) for path, count in self._used.items()),
        )
        return file, metadata

    def discard(self) -> None:
        try:
            self._writer.close()
        except (OSError, pa.ArrowException):
            return
        finally:
            self._sink.close()


def field_statistics(metadata: pq.FileMetaData, schema: pa.Schema) -> dict[int, list[Any]]:
    """``[min, max, nulls]`` for the ids of the columns that a file has statistics of."""
    paths = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    times = Counter(paths)
    places = {path: i for i, path in enumerate(paths) if times[path] == 1}
    data = [f for f in schema if f.name not in ORIGIN_COLUMNS and f.name in places]
    found = ((field_id(f), _statistics(metadata, places[f.name])) for f in data)
    return {column_id: stats for column_id, stats in found if stats}


def _rows_a_group(addresses: pa.ChunkedArray) -> int:
    """How many rows a group may have, so that the records of one of DuckDB's vectors fit into memory.

    DuckDB reads up to 2,048 rows of a group at once, and then their records.
    """
    total = pc.sum(pc.struct_field(addresses, "bytes")).as_py() or 0
    rows = VECTOR_BYTES * len(addresses) // max(total, 1)
    return ROW_GROUP_ROWS if rows >= VECTOR_ROWS else max(1, rows)


def _statistics(metadata: pq.FileMetaData, index: int) -> list[Any] | None:
    """``[min, max, nulls]`` of a plain column over all row groups; bounds are None where unknown."""
    low: Any = None
    high: Any = None
    nulls = 0
    bounded = True
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(index)
        stats = chunk.statistics
        if stats is None or stats.null_count is None:
            return None
        nulls += stats.null_count
        if stats.null_count == chunk.num_values and not stats.has_min_max:
            continue
        if not stats.has_min_max and chunk.physical_type in _FLOATING:
            return None  # NaN is in it
        try:
            least, most = (stats.min, stats.max) if stats.has_min_max else (None, None)
        except (ArithmeticError, ValueError):  # a time that Python cannot hold
            least = most = None
        if least is None or most is None:
            bounded = False
            continue
        low = least if low is None or least < low else low
        high = most if high is None or most > high else high
    if not bounded:
        return [None, None, nulls]
    return [_bound(low), _bound(high), nulls]


def _bound(value: Any) -> Any:
    """A bound as JSON: numbers and text as they are, times as ISO text; None when it cannot be said."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value if len(value) <= _STAT_TEXT else None
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return None


def write_deletes(root: Path, positions: pa.Table, change: str, *, sync: bool) -> DeleteFile:
    """Write deleted positions: a table with int64 columns ``file`` and ``pos``, in any order."""
    if not len(positions):
        raise StorageError("a file of deleted positions cannot be empty")
    positions = positions.sort_by([("file", "ascending"), ("pos", "ascending")])
    path = new_deletes_path()
    full = root / path
    with files.explained(full):
        pq.write_table(
            positions,
            full,
            compression="snappy",
            use_dictionary=["file"],
            write_page_checksum=True,
            store_schema=False,
            row_group_size=ROW_GROUP_ROWS,
        )
        if sync:
            files.sync_file(full)
            files.sync_folder(root / DELETES)
    targets = {int(v["values"]): int(v["counts"]) for v in pc.value_counts(positions["file"]).to_pylist()}
    return DeleteFile(path, len(positions), full.stat().st_size, targets, change, files.crc32(full))


def read_positions(root: Path, deletes: Sequence[DeleteFile | Forgotten]) -> pa.Table:
    """Deleted positions of several files as one table of ``file`` and ``pos``."""
    schema = pa.schema([("file", pa.int64()), ("pos", pa.int64())])
    tables = []
    for path in dict.fromkeys(d.path for d in deletes):
        try:
            with files.explained(root / path), pq.ParquetFile(root / path, page_checksum_verification=True) as file:
                tables.append(file.read(["file", "pos"]).cast(schema))
        except (pa.ArrowException, LookupError, ValueError) as error:
            raise FormatError(
                f"{root / path} is damaged ({' '.join(str(error).split())}); restore it from a copy"
            ) from error
    return pa.concat_tables(tables) if tables else pa.Table.from_batches([], schema)
