"""Types as Arrow has them: what is written to Parquet, and what arrives from DuckDB."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from space_sql.format.carriers import physical
from space_sql.format.schema import Column
from space_sql.format.types import (
    BIT,
    DATE,
    HUGEINT,
    JSON,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMESTAMPTZ,
    UHUGEINT,
    UUID,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Type,
)
from space_sql.storage.parquet import as_record, with_field_id

_PLAIN: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    DATE.name: pa.date32(),
    TIME.name: pa.time64("us"),
    TIME_NS.name: pa.time64("ns"),
    TIMESTAMP.name: pa.timestamp("us"),
    TIMESTAMP_NS.name: pa.timestamp("ns"),
    TIMESTAMPTZ.name: pa.timestamp("us", "UTC"),
    UUID.name: pa.uuid(),
    JSON.name: pa.json_(),
}


def arrow_type(t: Type) -> pa.DataType:
    """The Arrow type that a logical type is written as."""
    return _arrow(physical(t))


def column_field(column: Column) -> pa.Field:
    """The Arrow field that a column is written as: its stored name, type and id."""
    field = with_field_id(pa.field(column.stored_name, _arrow(column.stored_type)), column.id)
    return as_record(field) if column.record is not None else field


def _arrow(t: Type) -> pa.DataType:
    match t:
        case Scalar():
            if t.decimal:
                return pa.decimal128(*t.decimal)
            return _PLAIN[t.name]
        case Struct():
            return pa.struct([(name, _arrow(field)) for name, field in t.fields])
        case List() | Array():
            return pa.list_(_arrow(t.element))
        case Map():
            return pa.map_(_arrow(t.key), _arrow(t.value))
        case _:
            raise ValueError(f"{t} has no Arrow type")


def storage_type(t: pa.DataType) -> pa.DataType:
    """The Arrow type without extension types, at any depth."""
    if isinstance(t, pa.BaseExtensionType):
        return t.storage_type
    if pa.types.is_struct(t):
        return pa.struct([field.with_type(storage_type(field.type)) for field in t])
    if pa.types.is_map(t):
        return pa.map_(storage_type(t.key_type), storage_type(t.item_type))
    if pa.types.is_list(t):
        return pa.list_(t.value_field.with_type(storage_type(t.value_type)))
    return t


def opaque(name: str, storage: pa.DataType) -> pa.DataType:
    """The extension type under which DuckDB takes its own internal bytes."""
    return pa.opaque(storage, name, "DuckDB")


def imported_type(found: pa.DataType, t: Type) -> pa.DataType:
    """What to call arrived values of a logical type so that the engine takes them for that type.

    DuckDB hands out the bytes of HUGEINT and UHUGEINT as decimals, and those of BIT as binary.
    """
    match t:
        case Scalar():
            if t in (HUGEINT, UHUGEINT) and pa.types.is_decimal(found):
                return opaque(t.name.lower(), pa.binary(16))
            if t == BIT and not isinstance(found, pa.BaseExtensionType):
                return opaque("bit", found)
            return found
        case Struct() if pa.types.is_struct(found):
            pairs = zip(found, t.fields, strict=True)
            return pa.struct([f.with_type(imported_type(f.type, child)) for f, (_, child) in pairs])
        case List() | Array() if hasattr(found, "value_field"):
            field = found.value_field
            return _list_of(found, field.with_type(imported_type(field.type, t.element)))
        case Map() if pa.types.is_map(found) and not pa.types.is_null(found.key_type):
            key, item = found.key_field, found.item_field
            return pa.map_(
                key.with_type(imported_type(key.type, t.key)),
                item.with_type(imported_type(item.type, t.value)),
            )
        case _:
            return found


def _list_of(found: pa.DataType, field: pa.Field) -> pa.DataType:
    """The kind of list that was found, of other elements."""
    if pa.types.is_fixed_size_list(found):
        return pa.list_(field, found.list_size)
    if pa.types.is_large_list(found):
        return pa.large_list(field)
    if pa.types.is_list_view(found):
        return pa.list_view(field)
    if pa.types.is_large_list_view(found):
        return pa.large_list_view(field)
    return pa.list_(field)


def _booleans_as_bits(t: pa.DataType) -> pa.DataType:
    """The storage type in which ``arrow.bool8``, a byte a value, is Arrow's own boolean, a bit a value."""
    if isinstance(t, pa.Bool8Type):
        return pa.bool_()
    if isinstance(t, pa.BaseExtensionType):
        return t.storage_type
    if pa.types.is_struct(t):
        return pa.struct([field.with_type(_booleans_as_bits(field.type)) for field in t])
    if pa.types.is_map(t):
        return pa.map_(_booleans_as_bits(t.key_type), _booleans_as_bits(t.item_type))
    if pa.types.is_list(t):
        return pa.list_(t.value_field.with_type(_booleans_as_bits(t.value_type)))
    return t


def exported(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """A column of the engine's result under the type that is written.

    The engine hands out booleans as bytes (``arrow.bool8``): these are made bits, which are not the
    same layout.
    """
    bits = _booleans_as_bits(column.type)
    stored = storage_type(column.type)
    if bits != stored:
        column = renamed(column, stored).cast(bits)
    return renamed(column, type_)


class _Renamed:
    """An array's buffers under another type of the same layout."""

    def __init__(self, array: pa.Array, type_: pa.DataType) -> None:
        self._array = array
        self._type = type_

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self._type.__arrow_c_schema__(), self._array.__arrow_c_array__()[1]


def _width(type_: pa.DataType) -> int | None:
    """Bits of a value; None where values differ in length, or are nested."""
    try:
        return int(type_.bit_width)
    except ValueError:
        return None


def renamed(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """The same values under another type of the same layout, without a copy.

    Raises:
        ValueError: the values of the types do not have the same width.
    """
    if column.type == type_:
        return column
    if _width(storage_type(column.type)) != _width(storage_type(type_)):
        raise ValueError(f"{column.type} is not laid out as {type_}")
    return pa.chunked_array([pa.array(_Renamed(chunk, type_)) for chunk in column.chunks], type_)
