"""TensorFlow: rows as a tf.data.Dataset of batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from space_sql.errors import InvalidInputError
from space_sql.training.extra import needs
from space_sql.training.rows import Rows

with needs("tensorflow"):
    import tensorflow as tf


def dataset(rows: Rows, batch_size: int, *, drop_last: bool = False, parallel: int = 2) -> Any:
    """A ``tf.data.Dataset`` of dicts from column to a tensor of a batch, in the order of the rows.

    Numbers keep their types, text and records are ``tf.string``; what a decoder makes must have one shape and type.
    ``parallel`` is how many batches are read at a time.

    Raises:
        InvalidInputError: a column holds NULL, which tensors cannot.
    """
    if not len(rows):
        raise InvalidInputError("there are no rows, so nothing tells the types of their tensors")
    taken = rows.take([0])
    names = tuple(taken)
    first = [_tensor(name, values) for name, values in taken.items()]
    types = [array.dtype for array in first]

    def read(start: Any) -> list[Any]:
        numbers = range(int(start), min(int(start) + batch_size, len(rows)))
        found = rows.take(numbers)
        return [_tensor(name, found[name], dtype) for name, dtype in zip(names, types, strict=True)]

    def tensors(start: Any) -> dict[str, Any]:
        out = tf.numpy_function(read, [start], [tf.as_dtype(_tf_type(dtype)) for dtype in types], stateful=False)
        for tensor, array in zip(out, first, strict=True):
            tensor.set_shape([batch_size if drop_last else None, *array.shape[1:]])
        return dict(zip(names, out, strict=True))

    end = len(rows) // batch_size * batch_size if drop_last else len(rows)
    return tf.data.Dataset.range(0, end, batch_size).map(tensors, num_parallel_calls=parallel, deterministic=True)


def _tensor(name: str, values: list[Any], dtype: Any = None) -> Any:
    if any(value is None for value in values):
        raise InvalidInputError(f'"{name}" is NULL in a row: choose others by where="{name} IS NOT NULL"')
    if dtype is None:
        dtype = np.asarray(values[0]).dtype
        dtype = np.dtype(object) if dtype.kind in "USO" else dtype
    out = np.empty(len(values), object) if dtype.kind == "O" else np.asarray(values, dtype)
    if dtype.kind == "O":
        out[:] = values
    return out


def _tf_type(dtype: Any) -> Any:
    return tf.string if dtype.kind == "O" else dtype
