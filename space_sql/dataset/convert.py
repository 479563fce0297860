"""From Arrow rows as DuckDB hands them out to the columns of a data file.

Columns that arrive as they are written are passed on without a copy. The others go through the
private engine, in one query a call where there are not hundreds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset import engine
from space_sql.dataset.arrow_types import arrow_type, exported, imported_type, renamed, storage_type
from space_sql.dataset.checked_cast import checked_cast
from space_sql.dataset.leaves import scalar_leaves
from space_sql.errors import InvalidInputError
from space_sql.format.carriers import is_native, physical, physical_projection
from space_sql.format.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    INTEGER,
    INTERVAL,
    NULL,
    SMALLINT,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    UUID,
    Struct,
    Type,
    quote_identifier,
)

Rows: TypeAlias = pa.Table | pa.ChunkedArray | pa.StructArray | Sequence[pa.StructArray]

_ROWS = "_space_rows"
_COLUMNS_PER_QUERY = 200
"""DuckDB's time to plan grows with the square of the expressions: 3,000 in one query take seconds."""
_ARROW_NUMBERS = frozenset({TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT, FLOAT, DOUBLE})
_LONG_INTERVAL = r"(^|[ -])[0-9]{10,}:"


@dataclass(frozen=True)
class TargetColumn:
    """A column of the dataset: its logical type, and the id it carries in Parquet."""

    name: str
    type: Type
    field_id: int


class Converter:
    """Turns rows of a source into the columns of a data file. Any thread may use it.

    Args:
        source: the source's columns with DuckDB's types (`typeof` of a whole row).
        target: the dataset's columns; those that the source lacks are not written.
        carried: names of source columns that arrive as `physical(type of the source column)`,
            which those that Arrow would change (`carriers.is_opaque`) must.

    Attributes:
        schema: Arrow schema of what is written; fields carry their column's id.
    """

    def __init__(
        self,
        source: Struct,
        target: Sequence[TargetColumn],
        *,
        carried: Collection[str] = (),
    ) -> None:
        names = {name.casefold() for name in carried}
        self._columns = [
            _Column(found[0], found[1], column, found[0].casefold() in names)
            for column in target
            if (found := source.by_name.get(column.name.casefold()))
        ]
        self.schema = pa.schema([column.field for column in self._columns])

    def convert(self, rows: Rows) -> pa.Table:
        """The rows as a table of `schema`, in the same order.

        Args:
            rows: a table, or struct arrays, with at least the source columns that are written.

        Raises:
            InvalidInputError: a value does not fit its column exactly.
        """
        table = _table(rows)
        done: dict[int, pa.ChunkedArray] = {}
        for index, column in enumerate(self._columns):
            converted = column.directly(table.column(column.source_name))
            if converted is not None:
                done[index] = converted
        rest = [(i, column) for i, column in enumerate(self._columns) if i not in done]
        for start in range(0, len(rest), _COLUMNS_PER_QUERY):
            done.update(_in_engine(table, dict(rest[start : start + _COLUMNS_PER_QUERY])))
        for index, column in enumerate(self._columns):
            column.check(done[index])
        arrays = [done[index] for index in range(len(self._columns))]
        return pa.Table.from_arrays(arrays, schema=self.schema)


class _Column:
    """One written column: where it comes from and what it becomes."""

    def __init__(self, source_name: str, source: Type, target: TargetColumn, carried: bool) -> None:
        self.source_name = source_name
        self._source = source
        self._target = target
        self._carried = carried
        self.type = arrow_type(target.type)
        self._storage = storage_type(self.type)
        arrives = physical(source) if carried else source
        self._arrives = arrives
        self._same = arrives == target.type or (carried and source == target.type)
        self._castable = self._same and all(
            leaf.values or leaf == NULL or (leaf != UUID and is_native(leaf)) for leaf in scalar_leaves(arrives)
        )
        self._numeric = not carried and _is_exact_in_arrow(source, target.type)
        self._has_interval = INTERVAL in scalar_leaves(target.type)

    @property
    def field(self) -> pa.Field:
        metadata = {b"PARQUET:field_id": str(self._target.field_id).encode()}
        return pa.field(self._target.name, self.type, metadata=metadata)

    def directly(self, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """The column without the engine's help; None when that does not do."""
        if self._same and column.type == self.type:
            return column
        if self._numeric:
            try:
                return column.cast(self.type)
            except pa.ArrowInvalid:  # the engine says which value does not fit
                return None
        if not self._castable:
            return None
        if column.type != self._storage:
            try:
                column = column.cast(self._storage)
            except (pa.ArrowNotImplementedError, TypeError):
                return None
            except pa.ArrowInvalid as error:
                raise InvalidInputError(f'column "{self._target.name}": {error}') from error
        return renamed(column, self.type)

    def imported(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The column as the engine has to see it."""
        return renamed(column, imported_type(column.type, self._arrives))

    def sql(self, name: str) -> str:
        """The engine's expression for the physical values."""
        arrived = f"CAST({name} AS {self._arrives})"
        if self._carried:
            if self._source == self._target.type:
                return arrived
            arrived = f"CAST({arrived} AS {self._source})"
        value = checked_cast(arrived, self._source, self._target.type, self._target.name)
        return physical_projection(self._target.type, value)

    def check(self, column: pa.ChunkedArray) -> None:
        """Refuse intervals that DuckDB 1.5 writes as text and cannot read again."""
        if not self._has_interval:
            return
        for text in _strings(column):
            long = pc.match_substring_regex(text, _LONG_INTERVAL)
            if pc.any(long).as_py():
                value = text.filter(long)[0].as_py()
                raise InvalidInputError(
                    f'column "{self._target.name}": the interval {value} has more than 999,999,999 '
                    "hours, which not every DuckDB reads: keep days or months apart from hours"
                )


def _is_exact_in_arrow(source: Type, target: Type) -> bool:
    """Whether Arrow's checked cast of numbers is exact: not so from DOUBLE to FLOAT."""
    if source == target or source not in _ARROW_NUMBERS or target not in _ARROW_NUMBERS:
        return False
    return (source, target) != (DOUBLE, FLOAT)


def _table(rows: Rows) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    chunks = [rows] if isinstance(rows, pa.StructArray) else rows
    if isinstance(chunks, pa.ChunkedArray):
        chunks = chunks.chunks
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(chunk) for chunk in chunks])


def _in_engine(table: pa.Table, columns: dict[int, _Column]) -> dict[int, pa.ChunkedArray]:
    names = [f"c{index}" for index in columns]
    arrived = [column.imported(table.column(column.source_name)) for column in columns.values()]
    fields = [  # the metadata of a field may say what its values are, as that of GEOMETRY does
        table.schema.field(column.source_name).with_name(name).with_type(values.type)
        for name, column, values in zip(names, columns.values(), arrived, strict=True)
    ]
    items = [
        f"{column.sql(quote_identifier(name))} AS {name}" for name, column in zip(names, columns.values(), strict=True)
    ]
    rows = pa.Table.from_arrays(arrived, schema=pa.schema(fields))
    result = engine.query(f"SELECT {', '.join(items)} FROM {_ROWS}", {_ROWS: rows})
    return {
        index: exported(result.column(name), column.type)
        for name, (index, column) in zip(names, columns.items(), strict=True)
    }


def _strings(column: pa.ChunkedArray) -> list[pa.Array]:
    """All text arrays in a column, at any depth."""
    found: list[pa.Array] = []
    waiting = list(column.chunks)
    while waiting:
        array = waiting.pop()
        if pa.types.is_string(array.type):
            found.append(array)
        elif pa.types.is_struct(array.type):
            waiting.extend(array.flatten())
        elif pa.types.is_map(array.type):
            waiting.extend((array.keys, array.items))
        elif pa.types.is_list(array.type):
            waiting.append(array.flatten())
    return found
