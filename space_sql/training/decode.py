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
        named = {
            name: column.column.record.decoder
            for name, column in held.columns.items()
            if isinstance(column, Records) and column.column.record is not None
        }
        return {name: _decoder(decoder) for name, decoder in named.items() if decoder is not None}
    folded = {name.casefold(): name for name in held.columns}
    out = {}
    for name, wanted in decode.items():
        if name.casefold() not in folded:
            raise InvalidInputError(f'decode names "{name}", which is not read.{near(name, held.columns)}')
        out[folded[name.casefold()]] = _decoder(wanted)
    return out


def _decoder(wanted: str | Callable[[Any], Any]) -> Decoder:
    if callable(wanted):
        return Decoder(getattr(wanted, "__name__", type(wanted).__name__), wanted)
    if wanted not in NAMED:
        raise InvalidInputError(f'no decoder "{wanted}".{near(wanted, NAMED)} There are {", ".join(NAMED)}')
    return Decoder(wanted, NAMED[wanted])
