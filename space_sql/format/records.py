"""Record fields: columns whose values lie in ArrayRecord files, while data files hold their addresses.

Source: docs/format.md, section "Records".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from space_sql.errors import FormatError, InvalidInputError
from space_sql.format.paths import RECORDS
from space_sql.format.shape import count
from space_sql.format.types import BIGINT, BLOB, VARCHAR, Struct, Type

ADDRESS = Struct((("file", VARCHAR), ("row", BIGINT), ("bytes", BIGINT), ("hash", BLOB)))
"""Where a record is, how long it is, and the first 16 bytes of its SHA-256."""

RECORD_TYPES = (BLOB, VARCHAR)
RECORD_BYTES = 256 << 20
"""The longest record."""

MAX_GROUP_SIZE = 4096
DECODERS = ("image", "numpy", "json", "tfds")
"""What a field may be decoded by; what each does is for the reader to know, a dataset never carries code."""

_OPTIONS = ("group_size", "compression", "decode", "features")
_FEATURE_CLASS = re.compile(r"tensorflow_datasets\.core\.features\.[A-Za-z0-9_.]+")
_COMPRESSION = re.compile(r"none|snappy|brotli(?::(?:[0-9]|1[01]))?")
_PATH = re.compile(rf"{RECORDS}/[A-Za-z0-9_-]{{1,80}}/[0-9a-f-]{{36}}\.array_record")
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
_NAME_LENGTH = 40


@dataclass(frozen=True)
class RecordOptions:
    """How a field's records are written, of which readers need nothing; and what they are.

    ``group_size`` is how many records are compressed and read together; what is None suits the records. ``decoder``
    names what turns a record into what a model takes; ``features`` is the specification that ``tfds`` needs, as JSON.
    """

    group_size: int | None = None
    compression: str | None = None
    decoder: str | None = None
    features: str | None = None

    def encode(self) -> dict[str, Any]:
        """The options as they stand in the log."""
        values = (self.group_size, self.compression, self.decoder, self.features)
        return {name: value for name, value in zip(_OPTIONS, values, strict=True) if value is not None}

    @staticmethod
    def decode(data: Mapping[str, Any]) -> RecordOptions:
        """Read options from the log, as they may be written there; unknown ones are passed over."""
        return record_options("record field", {name: data[name] for name in _OPTIONS if name in data})


def record_options(name: str, given: Mapping[str, Any]) -> RecordOptions:
    """Options as a person wrote them for a field; InvalidInputError says what is allowed."""
    unknown = [key for key in given if key not in _OPTIONS]
    if unknown:
        raise InvalidInputError(f'record_options of "{name}": no option "{unknown[0]}"; give {", ".join(_OPTIONS)}')
    size, compression = given.get("group_size"), given.get("compression")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_GROUP_SIZE):
        raise InvalidInputError(f'record_options of "{name}": group_size is a number from 1 to {MAX_GROUP_SIZE}')
    if compression is not None and not _COMPRESSION.fullmatch(str(compression).lower()):
        raise InvalidInputError(
            f'record_options of "{name}": compression is none, snappy, brotli or brotli:0 to brotli:11, '
            f"not {compression}"
        )
    decoder = given.get("decode")
    if decoder is not None and decoder not in DECODERS:
        raise InvalidInputError(f'record_options of "{name}": decode is {", ".join(DECODERS)}, not {decoder}')
    features = given.get("features")
    if (features is None) == (decoder == "tfds"):
        raise InvalidInputError(
            f'record_options of "{name}": decode tfds and features go together: space_sql.training.tfds.spec(…) writes '
            "features"
        )
    if features is not None:
        check_features(name, features)
    return RecordOptions(size, str(compression).lower() if compression is not None else None, decoder, features)


def check_features(name: str, features: object) -> None:
    """Raise InvalidInputError unless this is a specification of features of tensorflow_datasets itself.

    It names the classes of its features, which are imported when records are decoded: a dataset must not name others.
    """
    try:
        told = orjson.loads(features) if isinstance(features, str) else None
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("pythonClassName"), str):
        raise InvalidInputError(
            f'record_options of "{name}": features is the JSON text that space_sql.training.tfds.spec(…) writes'
        )
    for found in _feature_classes(told):
        if not isinstance(found, str) or not _FEATURE_CLASS.fullmatch(found):
            raise InvalidInputError(
                f'record_options of "{name}": {found} is not a feature of tensorflow_datasets: a dataset names no '
                "code of others"
            )


def _feature_classes(told: object) -> Iterator[object]:
    """The classes that a specification names; below ``features`` are names that people gave."""
    if isinstance(told, list):
        for part in told:
            yield from _feature_classes(part)
    if isinstance(told, dict):
        for key, value in told.items():
            if key in ("pythonClassName", "python_class_name") and not isinstance(value, dict):
                yield value
            yield from _feature_classes(value)


@dataclass(frozen=True)
class RecordFile:
    """An ArrayRecord file that rows of a data file point into.

    ``rows`` and ``bytes`` are the file's own; ``used`` is how many rows of the data file point into it.
    """

    path: str
    rows: int
    bytes: int
    used: int

    def encode(self) -> dict[str, Any]:
        """The record file as it stands in the log."""
        return {"path": self.path, "rows": self.rows, "bytes": self.bytes, "used": self.used}

    @staticmethod
    def decode(data: Mapping[str, Any]) -> RecordFile:
        """Read a record file from the log."""
        return RecordFile(record_path(data["path"]), count(data["rows"]), count(data["bytes"]), count(data["used"]))


def placed(used: Mapping[str, int], known: Mapping[str, RecordFile]) -> tuple[RecordFile, ...]:
    """The record files that a data file uses, by path and count of rows; FormatError for one that is not known."""
    out = []
    for path, rows in used.items():
        if path not in known:
            raise FormatError(f"rows point into the record file {path}, which their data file does not list")
        out.append(replace(known[path], used=rows))
    return tuple(out)


def by_path(files: Iterable[RecordFile]) -> dict[str, RecordFile]:
    """Record files by their path, each once."""
    return {file.path: file for file in files}


def folder_name(column_id: int, name: str) -> str:
    """The folder of a field's records: for people; addresses hold whole paths."""
    clean = _UNSAFE.sub("_", name).strip("_")[:_NAME_LENGTH]
    return f"{clean or 'field'}-{column_id}"


def new_record_path(folder: str) -> str:
    """A fresh path for a record file."""
    return f"{RECORDS}/{folder}/{uuid.uuid4()}.array_record"


def record_path(path: object) -> str:
    """Return a path from an address; raise FormatError unless it is one of a record file."""
    if isinstance(path, str) and _PATH.fullmatch(path):
        return path
    raise FormatError(f"{path!r} is not the path of a record file in a dataset")


def is_record_type(type_: Type) -> bool:
    """Whether values of a type can be records."""
    return type_ in RECORD_TYPES
