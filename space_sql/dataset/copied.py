"""Data files that DuckDB's COPY writes in the caller's connection, in the place of rows that are staged.

Only values that COPY writes as they would be staged go this way: see ``copies``.

Source: docs/adr/019-insert-by-copy.md.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from space_sql.dataset.arrow_types import column_field
from space_sql.dataset.insert import Insert
from space_sql.dataset.leaves import json_leaves
from space_sql.dataset.numeric import holds, is_integer
from space_sql.dataset.plan import source_struct
from space_sql.dataset.session import Session
from space_sql.dataset.staging import described
from space_sql.dataset.transact import Options
from space_sql.errors import FormatError, SpaceError
from space_sql.format.carriers import is_native
from space_sql.format.data_file import DataFile
from space_sql.format.paths import DATA
from space_sql.format.schema import Column
from space_sql.format.types import (
    BIGNUM,
    HUGEINT,
    JSON,
    NULL,
    TIMESTAMP_MS,
    TIMESTAMP_S,
    UHUGEINT,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Type,
    quote_identifier,
    quote_literal,
)
from space_sql.storage import files
from space_sql.storage.parquet import FILE_BYTES, ROW_GROUP_ROWS, field_statistics

_CARRIED = frozenset({HUGEINT, UHUGEINT, TIMESTAMP_S, TIMESTAMP_MS})
"""Types that DuckDB casts to what carries them without looking at a setting."""


@lru_cache(maxsize=4096)
def copies(source: Type, target: Type) -> bool:
    """Whether COPY writes every value of a source's column as it would be staged for a dataset's column.

    The types are the same, or the source's holds integers only that are all the column's too. DuckDB's cast says
    something else than ours about values that do not fit, and it depends on the session's time zone.
    """
    if source == NULL:
        return _is_plain(target)
    if source != target:
        return is_integer(source) and is_integer(target) and BIGNUM not in (source, target) and holds(target, source)
    return _is_plain(target)


def _is_plain(t: Type) -> bool:
    match t:
        case Scalar():
            return is_native(t) or t in _CARRIED or bool(t.values)
        case Struct():
            return all(_is_plain(child) for _, child in t.fields)
        case List() | Array():
            return _is_plain(t.element)
        case Map():
            return _is_plain(t.key) and _is_plain(t.value)
        case _:
            return False


def _is_column_plain(column: Column, source: Type) -> bool:
    """Whether a column's values can be copied; the footer does not tell which JSON inside of others is empty."""
    inside = column.type != JSON and json_leaves(column.type, column.name)
    return column.record is None and not inside and copies(source, column.type)


def copied_insert(
    session: Session, options: Options, path: str, query: str, source_type: str
) -> tuple[Insert, str] | None:
    """An insert whose rows COPY writes, and the statement that does so; ``query`` are the rows, in brackets.

    None: they have to be staged.

    Raises:
        SpaceError: rows of this type cannot be inserted.
    """
    write = Insert(session, session.view(path), options, source_type)
    root = write.view.dataset.root
    schema = write.base.schema
    given = source_struct(source_type).by_name
    columns = [c for c in schema.columns if c.name.casefold() in given]
    if write.planned != schema or not os.access(root / DATA, os.W_OK):
        return None
    if not all(_is_column_plain(c, given[c.name.casefold()][1]) for c in columns):
        return None
    copied = Copied(root, columns)
    write.staging = copied
    names = [given[c.name.casefold()][0] for c in columns]
    return write, copied.sql(query, names)


@dataclass
class Copied:
    """The files of one COPY. Nothing refers to them until a commit does; ``abort`` removes them."""

    root: Path
    columns: Sequence[Column]
    prefix: str = field(default_factory=lambda: str(uuid.uuid4())[:-1])

    @property
    def record_paths(self) -> frozenset[str]:
        """Record fields are staged."""
        return frozenset()

    def sql(self, query: str, names: Sequence[str]) -> str:
        """The statement for the rows of a query in brackets, and their columns by these names.

        The second part of the union has no rows. Without it DuckDB 2.0 writes columns in which it knows of no NULL
        as required ones, and files would differ in that.
        """
        pairs = list(zip(names, self.columns, strict=True))
        values = [f"CAST(_space_row.{quote_identifier(n)} AS {c.stored_type})" for n, c in pairs]
        items = ", ".join(
            f"{v} AS {quote_identifier(c.stored_name)}" for v, c in zip(values, self.columns, strict=True)
        )
        nothing = ", ".join(f"CAST(NULL AS {c.stored_type})" for c in self.columns)
        ids = ", ".join(f"{quote_literal(c.stored_name)}: {c.id}" for c in self.columns)
        options = (
            f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, FIELD_IDS {{{ids}}}, "
            f"FILE_SIZE_BYTES {FILE_BYTES}, FILENAME_PATTERN '{self.prefix}{{i}}', OVERWRITE_OR_IGNORE"
        )
        return (
            f"COPY (\nSELECT {items} FROM {query} AS _space_row\n"
            f"UNION ALL SELECT {nothing} FROM range(0)\n) TO {quote_literal(str(self.root / DATA))} ({options})"
        )

    def add(self, rows: pa.ChunkedArray) -> None:
        """Rows are not staged."""
        raise NotImplementedError

    def finish(self, *, sync: bool) -> list[DataFile]:
        """Describe the files; with ``sync`` they and their names are durable."""
        schema = pa.schema([column_field(c) for c in self.columns])
        found = [
            described(*written, self.columns, {}) for path in self._paths() if (written := self._file(path, schema))
        ]
        if sync and found:
            with files.explained(self.root / DATA):
                for file in found:
                    files.sync_file(self.root / file.path)
                files.sync_folder(self.root / DATA)
        return found

    def _file(self, path: str, schema: pa.Schema) -> tuple[DataFile, pq.FileMetaData] | None:
        full = self.root / path
        with files.explained(full):
            try:
                metadata = pq.read_metadata(full)
            except pa.ArrowException as error:
                raise FormatError(f"{full} was not written whole: {error}") from error
            if not metadata.num_rows:
                files.remove_quietly(full)
                return None
            size = full.stat().st_size
        stats = field_statistics(metadata, schema)
        file = DataFile(0, path, metadata.num_rows, size, "insert", stats, crc32=files.crc32(full))
        return file, metadata

    def abort(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(SpaceError):  # vacuum takes what stays
            for path in self._paths():
                files.remove_quietly(self.root / path)

    def _paths(self) -> list[str]:
        with files.explained(self.root / DATA):
            names = [name for name in os.listdir(self.root / DATA) if name.startswith(self.prefix)]
        return [f"{DATA}/{name}" for name in sorted(names, key=lambda name: (len(name), name))]
