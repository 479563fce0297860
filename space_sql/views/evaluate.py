"""Calling a function of Python for many rows, and digests by which the same arguments are known again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.engine import cursor
from space_sql.errors import InvalidInputError
from space_sql.storage.computed import Keys, taken
from space_sql.views.functions import Function

Columns = Sequence[pa.Array]


@cache
def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type of a DuckDB type; of text and bytes the one without a limit."""
    with cursor() as con:
        found = con.sql(f"SELECT NULL::{type_} AS value").to_arrow_table().schema.field(0).type
    return {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}.get(found, found)


def arrays(columns: Sequence[Any]) -> list[pa.Array]:
    """Columns in one piece each."""
    return [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]


def evaluate(function: Function, columns: Columns) -> pa.Array:
    """The function's results, a row each.

    Raises:
        InvalidInputError: it failed, or gave something else than a value of its type for each row.
    """
    type_ = arrow_type(function.called.returns)
    rows = len(columns[0])
    if not function.nulls:
        whole = pc.is_valid(columns[0])
        for column in columns[1:]:
            whole = pc.and_(whole, pc.is_valid(column))
        if whole.false_count:
            there, gone = (np.flatnonzero(mask.to_numpy(zero_copy_only=False)) for mask in (whole, pc.invert(whole)))
            values = _called(function, [column.take(pa.array(there)) for column in columns], type_)
            nulls = pa.nulls(1, type_)
            return taken(
                [(values, np.arange(len(there))), (nulls, np.zeros(len(gone), np.int64))],
                np.concatenate([there, gone]),
                type_,
            )
    return _called(function, columns, type_) if rows else pa.array([], type_)


def _called(function: Function, columns: Columns, type_: pa.DataType) -> pa.Array:
    rows = len(columns[0])
    if not rows:
        return pa.array([], type_)
    name = function.called.name
    try:
        if function.vectorised:
            values = _array(function.call(*columns), type_)
        else:
            given = zip(*(column.to_pylist() for column in columns), strict=True)
            values = pa.array([function.call(*row) for row in given], type_)
    except Exception as error:
        detail = " ".join(str(error).split())
        raise InvalidInputError(f"the function {name} failed: {type(error).__name__}: {detail}") from error
    if len(values) != rows:
        raise InvalidInputError(f"the function {name} gave {len(values)} values for {rows} rows")
    return values


def _array(values: Any, type_: pa.DataType) -> pa.Array:
    """What a vectorised function returned, as an array of its type."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        width = values.shape[1]
        values = pa.FixedSizeListArray.from_arrays(flat, width)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        return pa.array(values, type_)
    return values if values.type == type_ else values.cast(type_)


def digests(columns: Columns) -> Keys:
    """128 bits of SHA-256 for each row of arguments; equal values of equal types have equal ones."""
    told = [str(column.type).encode() for column in columns]
    texts = [_texts(column) for column in columns]
    prefix = b"\0".join(told)
    out = bytearray()
    for row in zip(*texts, strict=True):
        digest = hashlib.sha256(prefix)
        for value in row:
            if value is None:
                digest.update(b"N")
            else:
                digest.update(b"V%d:" % len(value))
                digest.update(value)
        out += digest.digest()[:16]
    return np.frombuffer(bytes(out), np.uint64).reshape(-1, 2)


def _texts(column: pa.Array) -> list[bytes | None]:
    """Each value as bytes that no other value of the type has."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _texts(column.cast(type_.value_type))
    if pa.types.is_large_string(type_) or pa.types.is_string(type_):
        column = column.cast(pa.large_binary())
    elif pa.types.is_timestamp(type_) or pa.types.is_time64(type_) or pa.types.is_duration(type_):
        column = column.view(pa.int64())
    if pa.types.is_large_binary(column.type) or pa.types.is_binary(column.type):
        found: list[bytes | None] = column.to_pylist()
        return found
    return [None if value is None else repr(value).encode() for value in column.to_pylist()]
