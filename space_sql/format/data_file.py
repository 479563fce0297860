"""Data files and files of deleted positions, as the log names them.

Source: docs/format.md, sections "Data file record" and "Deleted positions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from space_sql.format.forgotten import Forgetting, Forgotten
from space_sql.format.paths import checked
from space_sql.format.records import RecordFile
from space_sql.format.shape import bounds, count, items, one_of, optional_count, text

FILES_PER_COMMIT = 1 << 20

Json = dict[str, Any]


@dataclass(frozen=True)
class DeleteFile:
    """Deleted positions: Parquet with columns ``file`` and ``pos``.

    ``targets`` maps a data file's number to how many of its rows are deleted here; ``change`` is
    ``delete`` or ``update`` (the rows live on in a data file whose change is ``update``); ``crc32`` is that
    of the whole file.
    """

    path: str
    rows: int
    bytes: int
    targets: Mapping[int, int]
    change: str
    crc32: int | None = None

    def encode(self) -> Json:
        """The record as it stands in the log."""
        return {
            "path": self.path,
            "rows": self.rows,
            "bytes": self.bytes,
            "targets": {str(k): v for k, v in self.targets.items()},
            "change": self.change,
            **({} if self.crc32 is None else {"crc32": self.crc32}),
        }

    @staticmethod
    def decode(data: Json) -> DeleteFile:
        """Read a record from the log."""
        return DeleteFile(
            checked(data["path"]),
            count(data["rows"]),
            count(data["bytes"]),
            {int(k): count(v) for k, v in data["targets"].items()},
            one_of(data["change"], "delete", "update"),
            optional_count(data.get("crc32")),
        )


@dataclass(frozen=True)
class MergedDeletes:
    """Files of deleted positions that one other replaces, for the data files that are its targets."""

    removed: tuple[str, ...]
    added: DeleteFile


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of rows.

    ``number`` identifies the file for ever (0 until it is published); ``stats`` maps a column id to
    ``[min, max, nulls]``; ``columns`` maps the id of each column in the file to checksums of the name
    and type that it was written with (``Column.mark``); ``empty`` lists JSON leaves without any value;
    ``deletes`` are the positions that no longer count; ``origin`` is true when the file carries the columns
    ``_space_origin_file`` and ``_space_origin_pos`` (it was made by merging others); ``crc32`` is that of the
    whole file; ``records`` are the record files that its rows point into; ``forgotten`` are rows that no snapshot has.
    """

    number: int
    path: str
    rows: int
    bytes: int
    change: str
    stats: Mapping[int, list[Any]] = field(default_factory=dict)
    empty: tuple[tuple[str, ...], ...] = ()
    columns: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    deletes: tuple[DeleteFile, ...] = ()
    origin: bool = False
    crc32: int | None = None
    records: tuple[RecordFile, ...] = ()
    forgotten: tuple[Forgotten, ...] = ()

    @property
    def deleted(self) -> int:
        """How many of the file's rows are deleted or forgotten."""
        listed = sum(d.targets.get(self.number, 0) for d in self.deletes)
        return listed + sum(f.rows - sum(f.overlaps.get(d.path, 0) for d in self.deletes) for f in self.forgotten)

    @property
    def remembered(self) -> int:
        """How many of the file's rows were not forgotten, deleted or not."""
        return self.rows - sum(f.rows for f in self.forgotten)

    @property
    def live(self) -> int:
        """How many of the file's rows count."""
        return self.rows - self.deleted

    def with_deletes(self, deletes: DeleteFile) -> DataFile:
        """The file with further deleted positions; of the targets only its own are kept."""
        own = replace(deletes, targets={self.number: deletes.targets[self.number]})
        return replace(self, deletes=(*self.deletes, own))

    def hiding(self, pending: Forgetting) -> DataFile:
        """The file without the rows that an unfinished forget names."""
        found = pending.files.get(self.number)
        if found is None or any(f.path == found.path for f in self.forgotten):
            return self
        return replace(self, forgotten=(*self.forgotten, found))

    def with_merged(self, merged: MergedDeletes) -> DataFile:
        """The file with some of its files of deleted positions replaced by one."""
        kept = tuple(d for d in self.deletes if d.path not in merged.removed)
        return replace(self, deletes=kept).with_deletes(merged.added)

    def encode(self) -> Json:
        """The record as it stands in the log."""
        out: Json = {
            "number": self.number,
            "path": self.path,
            "rows": self.rows,
            "bytes": self.bytes,
            "change": self.change,
            "columns": {str(k): v for k, v in self.columns.items()},
            "stats": {str(k): v for k, v in self.stats.items()},
        }
        if self.empty:
            out["empty"] = [list(path) for path in self.empty]
        if self.deletes:
            out["deletes"] = [d.encode() for d in self.deletes]
        if self.origin:
            out["origin"] = True
        if self.crc32 is not None:
            out["crc32"] = self.crc32
        if self.records:
            out["records"] = [r.encode() for r in self.records]
        if self.forgotten:
            out["forgotten"] = [f.encode() for f in self.forgotten]
        return out

    @staticmethod
    def decode(data: Json) -> DataFile:
        """Read a record from the log."""
        return DataFile(
            count(data["number"]),
            checked(data["path"]),
            count(data["rows"]),
            count(data["bytes"]),
            one_of(data["change"], "insert", "update", "fold"),
            {int(k): bounds(v) for k, v in data["stats"].items()},
            tuple(tuple(text(step) for step in items(path)) for path in items(data.get("empty", ()))),
            {int(k): _mark(v) for k, v in data["columns"].items()},
            tuple(DeleteFile.decode(d) for d in items(data.get("deletes", ()))),
            bool(data.get("origin", False)),
            optional_count(data.get("crc32")),
            tuple(RecordFile.decode(r) for r in items(data.get("records", ()))),
            tuple(Forgotten.decode(f) for f in items(data.get("forgotten", ()))),
        )


def _mark(value: Any) -> tuple[int, int]:
    name, type_ = items(value)
    return count(name), count(type_)
