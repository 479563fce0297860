"""Record fields of rows that are staged: values are written to record files, addresses take their place.

Python sees each record once: ArrayRecord takes them one a call.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.arrow_types import column_field
from space_sql.dataset.hashing import hashed
from space_sql.errors import InvalidInputError
from space_sql.format.records import ADDRESS, RECORD_BYTES, RecordFile, by_path, folder_name
from space_sql.format.schema import Column
from space_sql.format.types import BLOB, VARCHAR, Struct, Type
from space_sql.storage import files
from space_sql.storage.records import RecordWriter

REFERENCE_PATH = "_space_path"
REFERENCE_TOKEN = "_space_token"
DIFFERS = "_space_differs"
TOKEN = secrets.token_hex(16)
"""Says that a file reference was made by a statement of this process: data that strangers wrote cannot name files."""


def is_file_reference(type_: Type) -> bool:
    """Whether values of a type are what ``space_file`` gives."""
    return isinstance(type_, Struct) and tuple(type_.by_name) == (REFERENCE_PATH, REFERENCE_TOKEN)


def old_address(column: Column) -> str:
    """The name under which an update hands over the address that a new value would replace."""
    return f"_space_old_{column.id}"


class Recorder:
    """Takes the record fields of a source. Not thread-safe.

    Args:
        source: the source's columns.
        columns: the dataset's columns that it has.
        known: record files that rows may point into already.
        moved: ids of record fields that arrive as addresses, which an update hands over.
        compared: record fields whose old address comes along: an equal value keeps it.
        sync: whether what is written is to be durable in the end, and is synced from the beginning.
    """

    def __init__(
        self,
        root: Path,
        source: Struct,
        columns: Sequence[Column],
        known: Mapping[str, RecordFile],
        *,
        moved: Collection[int] = (),
        compared: Collection[Column] = (),
        sync: bool,
    ) -> None:
        self._columns = columns
        self._known = known
        self._compared = {column.id for column in compared}
        self._source = {c.id: source.by_name[c.name.casefold()] for c in columns if c.record is not None}
        self._moved = set(moved)
        self._writers = {
            c.id: RecordWriter(root, folder_name(c.id, c.name), c.record, sync=sync)
            for c in columns
            if c.record is not None and c.id not in self._moved
        }

    @property
    def taken(self) -> frozenset[int]:
        """Ids of the columns that need no conversion before they come here."""
        direct = {c.id for c in self._columns if c.id in self._source and self._source[c.id][1] == c.type}
        referring = {number for number, (_, type_) in self._source.items() if is_file_reference(type_)}
        return frozenset(direct | referring | self._moved)

    def store(self, rows: pa.Table, converted: pa.Table) -> tuple[pa.Table, pa.Array | None]:
        """The columns as they are stored, and which rows to keep where an update changes only some of them."""
        arrays: list[pa.ChunkedArray] = []
        changes: list[pa.ChunkedArray] = [rows[DIFFERS]] if DIFFERS in rows.column_names else []
        taken = self.taken
        for column in self._columns:
            if column.id not in self._source:
                arrays.append(converted[column.name])
                continue
            field = column_field(column)
            values = rows[self._source[column.id][0]] if column.id in taken else converted[column.name]
            if column.id in self._moved:
                arrays.append(values.cast(field.type))
            else:
                old = rows[old_address(column)] if column.id in self._compared else None
                addresses, changed = self._written(column, values, old)
                arrays.append(pa.chunked_array([addresses.cast(field.type)]))
                if old is not None:
                    changes.append(pa.chunked_array([changed]))
        fields = [
            column_field(c) if c.id in self._source else converted.schema.field(c.name).with_name(c.stored_name)
            for c in self._columns
        ]
        keep = None
        for changed in changes if self._compared else ():
            keep = changed if keep is None else pc.or_(keep, changed)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields)), keep

    def _written(
        self, column: Column, values: pa.ChunkedArray, old: pa.ChunkedArray | None
    ) -> tuple[pa.StructArray, pa.Array]:
        """Addresses of the values, and whether each differs from the old one."""
        writer = self._writers[column.id]
        known = old.to_pylist() if old is not None else None
        out: list[tuple[str, int, int, bytes] | None] = []
        changed: list[bool] = []
        for index, (value, mark) in enumerate(hashed(self._values(column, values, writer))):
            before = known[index] if known is not None else None
            if value is None:
                out.append(None)
                changed.append(before is not None)
                continue
            if len(value) > RECORD_BYTES:
                raise _too_long(column, len(value))
            if before is not None and before["bytes"] == len(value) and before["hash"] == mark:
                out.append((before["file"], before["row"], len(value), mark))
                changed.append(False)
            else:
                out.append((*writer.append(value), len(value), mark))
                changed.append(True)
        return _addresses(out), pa.array(changed, pa.bool_())

    def _values(self, column: Column, values: pa.ChunkedArray, writer: RecordWriter) -> Iterator[bytes | None]:
        if is_file_reference(self._source[column.id][1]):
            yield from _contents(column, values)
            return
        for chunk in values.chunks:
            part = chunk.cast(pa.large_binary())
            writer.typical_bytes = int(pc.mean(pc.binary_length(part)).as_py() or 0)
            for value in part:
                yield value.as_py()

    def finish(self, *, sync: bool) -> dict[str, RecordFile]:
        """Close the record files; returns all that rows may point into, by path."""
        written = [file for writer in self._writers.values() for file in writer.close(sync=sync)]
        return {**self._known, **by_path(written)}

    @property
    def paths(self) -> frozenset[str]:
        """Paths of the record files that were closed."""
        return frozenset(file.path for writer in self._writers.values() for file in writer.written)

    def abort(self) -> None:
        """Remove what was written."""
        for writer in self._writers.values():
            writer.abort()


def _addresses(rows: Sequence[tuple[str, int, int, bytes] | None]) -> pa.StructArray:
    blank: tuple[None, None, None, None] = (None, None, None, None)
    places, numbers, sizes, marks = zip(*(row or blank for row in rows), strict=True) if rows else ((), (), (), ())
    arrays = [
        pa.array(places, pa.string()),
        pa.array(numbers, pa.int64()),
        pa.array(sizes, pa.int64()),
        pa.array(marks, pa.binary()),
    ]
    missing = pa.array([row is None for row in rows], pa.bool_())
    return pa.StructArray.from_arrays(arrays, names=[name for name, _ in ADDRESS.fields], mask=missing)


def _contents(column: Column, references: pa.ChunkedArray) -> Iterator[bytes | None]:
    """What is in the files that ``space_file`` named, one at a time."""
    for chunk in references.chunks:
        paths, tokens = (chunk.field(i).cast(pa.string()) for i in (0, 1))
        for valid, path, token in zip(chunk.is_valid(), paths, tokens, strict=True):
            if not valid.as_py() or path.as_py() is None:
                yield None
                continue
            if token.as_py() != TOKEN:
                raise InvalidInputError(
                    f'column "{column.name}" holds a file reference that this process did not make: '
                    "call space_file(…) in the source itself"
                )
            yield _content(column, Path(os.path.expanduser(path.as_py())))


def _content(column: Column, path: Path) -> bytes:
    with files.explained(path):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInputError(f'column "{column.name}": {path} is not a file')
        if found.st_size > RECORD_BYTES:
            raise _too_long(column, found.st_size)
        value = path.read_bytes()
    if column.type == VARCHAR:
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise InvalidInputError(f'column "{column.name}" is VARCHAR, and {path} is not UTF-8 text') from error
    else:
        assert column.type == BLOB
    return value


def _too_long(column: Column, size: int) -> InvalidInputError:
    return InvalidInputError(
        f'column "{column.name}": a record has {size:,} bytes; the most is {RECORD_BYTES:,} (256 MiB): split it'
    )
