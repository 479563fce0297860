"""UUIDs from the text that DuckDB hands out to the sixteen bytes that are stored."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_TEXT = 36
_DIGITS = np.array([i for i in range(_TEXT) if i not in (8, 13, 18, 23)])
_VALUES = np.full(256, 255, np.uint8)
_VALUES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_VALUES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def uuids(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column of UUID text as `pa.uuid()`; None when it is not all canonical UUID text."""
    if not pa.types.is_string(column.type):
        return None
    chunks = [_uuids(chunk) for chunk in column.chunks]
    return None if any(chunk is None for chunk in chunks) else pa.chunked_array(chunks, pa.uuid())


def _uuids(chunk: pa.StringArray) -> pa.Array | None:
    present = chunk.drop_null() if chunk.null_count else chunk
    _, offsets, data = present.buffers()
    if data is None or not len(present):
        return None if len(present) else pa.nulls(len(chunk), pa.binary(16)).cast(pa.uuid())
    bounds = np.frombuffer(offsets, np.int32)[present.offset : present.offset + len(present) + 1]
    if not (np.diff(bounds) == _TEXT).all():
        return None
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]].reshape(-1, _TEXT)
    digits = _VALUES[text[:, _DIGITS]]
    if digits.max() > 15:
        return None
    values = (digits[:, ::2] << 4) | digits[:, 1::2]
    if chunk.null_count:
        placed = np.zeros((len(chunk), 16), np.uint8)
        placed[chunk.is_valid().to_numpy(zero_copy_only=False)] = values
        values = placed
    valid = chunk.is_valid().buffers()[1] if chunk.null_count else None
    buffers = [valid, pa.py_buffer(np.ascontiguousarray(values))]
    stored = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(chunk), buffers)
    return pa.ExtensionArray.from_storage(pa.uuid(), stored)
