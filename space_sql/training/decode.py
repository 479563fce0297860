"""From bytes to what a model takes: images, arrays, JSON, or a function of the caller's.

A dataset may name a decoder for a field, never carry code: nothing that is stored is executed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from space_sql.errors import InvalidInputError, near
from space_sql.format.records import DECODERS, RecordOptions
from space_sql.training.extra import needs
from space_sql.training.index import Records

if TYPE_CHECKING:
    from space_sql.training.index import Index

Decode: TypeAlias = "bool | Mapping[str, str | Callable[[Any], Any]]"


def image(record: bytes) -> Any:
    """An image file (PNG, JPEG, …) as an array of pixels: uint8, height × width, or × channels too."""
    with needs("images"):
        from PIL import Image

    with Image.open(io.BytesIO(record)) as opened:
        return np.array(opened)


def numpy(record: bytes) -> Any:
    """An array that ``numpy.save`` wrote; pickled objects are refused."""
    return np.load(io.BytesIO(record), allow_pickle=False)


def json(record: bytes | str) -> Any:
    """JSON text as Python values."""
    return orjson.loads(record)


NAMED: dict[str, Callable[[Any], Any]] = {"image": image, "numpy": numpy, "json": json}


@dataclass(frozen=True)
class Decoder:
    """A function of a value, and what errors call it."""

    name: str
    call: Callable[[Any], Any]


def decoders(decode: Decode, held: Index) -> dict[str, Decoder]:
    """The decoders by column."""
    if decode is False:
        return {}
    if decode is True:
        found = {name: _options(held, name) for name in held.columns}
        return {name: _decoder(o.decoder, name, o.features) for name, o in found.items() if o.decoder is not None}
    folded = {name.casefold(): name for name in held.columns}
    out = {}
    for name, wanted in decode.items():
        if name.casefold() not in folded:
            raise InvalidInputError(f'decode names "{name}", which is not read.{near(name, held.columns)}')
        column = folded[name.casefold()]
        out[column] = _decoder(wanted, column, _options(held, column).features)
    return out


def _options(held: Index, name: str) -> RecordOptions:
    column = held.columns[name]
    return (column.column.record if isinstance(column, Records) else None) or RecordOptions()


def _decoder(wanted: str | Callable[[Any], Any], name: str, features: str | None) -> Decoder:
    if callable(wanted):
        return Decoder(getattr(wanted, "__name__", type(wanted).__name__), wanted)
    if wanted == "tfds":
        from space_sql.training.tfds import Example

        return Decoder(wanted, Example(name, features))
    if wanted not in NAMED:
        raise InvalidInputError(f'no decoder "{wanted}".{near(wanted, DECODERS)} There are {", ".join(DECODERS)}')
    return Decoder(wanted, NAMED[wanted])
