"""The rows of a query in memory: values of ordinary columns as Arrow, records by their addresses.

A record takes 20 bytes here, whatever its length. Processes that are forked share the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from space_sql.dataset.engine import cursor
from space_sql.format.schema import Column
from space_sql.format.state import State
from space_sql.format.types import BIGNUM, HUGEINT, UHUGEINT, VARCHAR
from space_sql.storage.records import RecordFiles
from space_sql.training.query import Query

_BATCH_ROWS = 1 << 16
_WIDE = frozenset({HUGEINT, UHUGEINT, BIGNUM})
"""Whole numbers that Arrow has no type for: kept as text."""

Numbers = NDArray[np.int64]


class Values:
    """An ordinary column."""

    def __init__(self, column: Column, chunks: pa.ChunkedArray) -> None:
        self._column = column
        self._wide = column.type in _WIDE
        self.arrow = _whole(chunks)
        plain = pa.types.is_integer(self.arrow.type) or pa.types.is_floating(self.arrow.type)
        self.numpy: NDArray[Any] | None = None
        """The values where NumPy can hold them without copying: numbers without NULL."""
        if plain and not self.arrow.null_count and isinstance(self.arrow, pa.Array):
            self.numpy = self.arrow.to_numpy(zero_copy_only=True)

    def part(self, rows: Numbers) -> Values:
        """Some rows of it, in memory of their own."""
        return Values(self._column, pa.chunked_array([self.arrow.take(pa.array(rows))], self.arrow.type))

    def take(self, rows: Numbers) -> list[Any]:
        """The values of some rows as Python has them."""
        if self.numpy is not None:
            found: list[Any] = self.numpy[rows].tolist()
            return found
        values: list[Any] = self.arrow.take(pa.array(rows)).to_pylist()
        return [None if value is None else int(value) for value in values] if self._wide else values


def _whole(chunks: pa.ChunkedArray) -> Any:
    """One array, unless its text is more than an Arrow array holds."""
    try:
        return chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)
    except pa.ArrowInvalid:
        return chunks


@dataclass
class Records:
    """A record field: where each record is."""

    column: Column
    paths: list[str]
    file: NDArray[np.int32]
    """Number of the path in ``paths``; -1 where the value is NULL."""
    row: Numbers
    length: Numbers

    def take(self, files: RecordFiles, rows: Numbers) -> list[Any]:
        """The records of some rows: bytes, or text for a VARCHAR field."""
        numbers = self.file[rows].tolist()
        at = self.row[rows].tolist()
        if -1 in numbers:
            at = [None if number < 0 else row for number, row in zip(numbers, at, strict=True)]
        found = files.read_many([self.paths[number] for number in numbers], at, self.length[rows].tolist())
        if self.column.type == VARCHAR:
            return [None if record is None else record.decode() for record in found]
        return found

    def part(self, rows: Numbers) -> Records:
        """Some rows of it."""
        return Records(self.column, self.paths, self.file[rows], self.row[rows], self.length[rows])

    def address(self, row: int) -> str:
        """Where the record of a row is, for people."""
        return f"{self.paths[self.file[row]]}, row {self.row[row]}"


@dataclass
class Index:
    """What a query gave."""

    rows: int
    columns: dict[str, Values | Records]

    def part(self, rows: Numbers) -> Index:
        """Some rows of it, in memory of their own."""
        return Index(len(rows), {name: column.part(rows) for name, column in self.columns.items()})


def load(query: Query, state: State) -> Index:
    """Ask the private engine, batch by batch."""
    columns = query.chosen(state)
    parts: list[list[Any]] = [[] for _ in columns]
    paths: list[dict[str, int]] = [{} for _ in columns]
    schema = None
    rows = 0
    for batch in _batches(query.sql(state)):
        schema = batch.schema
        rows += batch.num_rows
        for number, column in enumerate(columns):
            values = batch.column(number)
            parts[number].append(values if column.record is None else _addresses(values, paths[number]))
    built: dict[str, Values | Records] = {}
    for number, column in enumerate(columns):
        if column.record is not None:
            built[column.name] = _records(column, paths[number], parts[number])
        else:
            type_ = schema.field(number).type if schema is not None else pa.null()
            built[column.name] = Values(column, pa.chunked_array(parts[number], type_))
    return Index(rows, built)


def _batches(sql: str) -> Iterator[pa.RecordBatch]:
    with cursor() as connection:
        yield from connection.sql(sql).to_arrow_reader(_BATCH_ROWS)


def _addresses(values: pa.StructArray, known: dict[str, int]) -> tuple[Any, Any, Any]:
    files = values.field("file").dictionary_encode()
    numbers = np.array([known.setdefault(path, len(known)) for path in files.dictionary.to_pylist()], np.int32)
    codes = files.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    file = np.where(codes < 0, -1, numbers[codes] if len(numbers) else -1).astype(np.int32)
    at, length = (values.field(name).fill_null(0).to_numpy(zero_copy_only=False) for name in ("row", "bytes"))
    return file, at, length


def _records(column: Column, paths: dict[str, int], parts: list[tuple[Any, Any, Any]]) -> Records:
    file, row, length = (
        np.concatenate([part[place] for part in parts] or [np.empty(0)]).astype(type_)
        for place, type_ in enumerate((np.int32, np.int64, np.int64))
    )
    return Records(column, list(paths), file, row, length)
