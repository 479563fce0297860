"""A commit: one entry of the log, and the file records in it.

Source: docs/format.md, sections "Commit" and "Data file record".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from space_sql.errors import FormatError
from space_sql.format.paths import FORMAT_VERSION, checked
from space_sql.format.records import RecordFile
from space_sql.format.schema import Schema

FILES_PER_COMMIT = 1 << 20
_CHECKSUM = b',"checksum":"'
_TAIL = len(_CHECKSUM) + 64 + 2

Json = dict[str, Any]
Ranges = tuple[tuple[int, int], ...]
"""Snapshot ids as pairs of a first and a last one, in order and apart."""


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
        targets = {int(k): int(v) for k, v in data["targets"].items()}
        return DeleteFile(
            checked(data["path"]), data["rows"], data["bytes"], targets, data["change"], data.get("crc32")
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
    whole file; ``records`` are the record files that its rows point into.
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

    @property
    def deleted(self) -> int:
        """How many of the file's rows are deleted."""
        return sum(d.targets.get(self.number, 0) for d in self.deletes)

    @property
    def live(self) -> int:
        """How many of the file's rows count."""
        return self.rows - self.deleted

    def with_deletes(self, deletes: DeleteFile) -> DataFile:
        """The file with further deleted positions; of the targets only its own are kept."""
        own = replace(deletes, targets={self.number: deletes.targets[self.number]})
        return replace(self, deletes=(*self.deletes, own))

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
        return out

    @staticmethod
    def decode(data: Json) -> DataFile:
        """Read a record from the log."""
        return DataFile(
            data["number"],
            checked(data["path"]),
            data["rows"],
            data["bytes"],
            data["change"],
            {int(k): v for k, v in data["stats"].items()},
            tuple(tuple(path) for path in data.get("empty", ())),
            {int(k): (v[0], v[1]) for k, v in data["columns"].items()},
            tuple(DeleteFile.decode(d) for d in data.get("deletes", ())),
            bool(data.get("origin", False)),
            data.get("crc32"),
            tuple(RecordFile.decode(r) for r in data.get("records", ())),
        )


@dataclass(frozen=True)
class Ref:
    """A change of one ref: ``snapshot_id`` None drops it."""

    name: str
    kind: str
    snapshot_id: int | None


@dataclass(frozen=True)
class Commit:
    """One entry of the log. ``advances`` is false for entries that only change refs."""

    snapshot_id: int
    parent_id: int | None
    branch: str
    time: int
    operation: str
    author: str | None = None
    message: str | None = None
    commit_key: str | None = None
    merge_parent_id: int | None = None
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    schema: Schema | None = None
    files_removed: tuple[int, ...] = ()
    files_added: tuple[DataFile, ...] = ()
    deletes_added: tuple[DeleteFile, ...] = ()
    rewrites_removed: tuple[int, ...] = ()
    rewrites_added: tuple[DataFile, ...] = ()
    deletes_merged: tuple[MergedDeletes, ...] = ()
    refs: tuple[Ref, ...] = ()
    expired: Ranges = ()
    view: Json | None = None

    @property
    def advances(self) -> bool:
        """Whether the commit is the new head of its branch (entries that change refs or expire snapshots are not)."""
        return not self.refs and not self.expired

    @property
    def brings_back(self) -> bool:
        """Whether it adds files that an earlier entry added first."""
        return any(f.number // FILES_PER_COMMIT != self.snapshot_id for f in self.files_added)

    def numbered(self, snapshot_id: int) -> Commit:
        """The commit under an id, its new files numbered by it."""
        first = snapshot_id * FILES_PER_COMMIT
        taken = {file.number for file in (*self.files_added, *self.rewrites_added)}
        numbers = (n for n in range(first + 1, first + FILES_PER_COMMIT) if n not in taken)

        def number(file: DataFile) -> DataFile:
            return replace(file, number=next(numbers)) if file.number == 0 else file

        return replace(
            self,
            snapshot_id=snapshot_id,
            files_added=tuple(number(f) for f in self.files_added),
            rewrites_added=tuple(number(f) for f in self.rewrites_added),
        )

    def summary(self) -> Json:
        """What the history shows of the commit."""
        return {
            "snapshot_id": self.snapshot_id,
            "parent_id": self.parent_id,
            "merge_parent_id": self.merge_parent_id,
            "branch": self.branch,
            "time": self.time,
            "operation": self.operation,
            "rows_inserted": self.rows_inserted,
            "rows_updated": self.rows_updated,
            "rows_deleted": self.rows_deleted,
            "author": self.author,
            "message": self.message,
            "commit_key": self.commit_key,
        }

    def encode(self) -> bytes:
        """The entry's bytes: a JSON object whose last member is the SHA-256 of all before it."""
        body: Json = {"format": FORMAT_VERSION, **self.summary()}
        if self.schema is not None:
            body["schema"] = self.schema.encode()
        body["files_removed"] = list(self.files_removed)
        body["files_added"] = [f.encode() for f in self.files_added]
        body["deletes_added"] = [d.encode() for d in self.deletes_added]
        if self.rewrites_removed or self.rewrites_added:
            body["rewrites"] = {
                "removed": list(self.rewrites_removed),
                "added": [f.encode() for f in self.rewrites_added],
            }
        if self.deletes_merged:
            body["deletes_merged"] = [{"removed": m.removed, "added": m.added.encode()} for m in self.deletes_merged]
        if self.refs:
            body["refs"] = [{"name": r.name, "kind": r.kind, "snapshot_id": r.snapshot_id} for r in self.refs]
        if self.expired:
            body["expired"] = [list(r) for r in self.expired]
        if self.view is not None:
            body["view"] = self.view
        text = orjson.dumps(body)[:-1]
        return text + _CHECKSUM + hashlib.sha256(text).hexdigest().encode() + b'"}'

    @staticmethod
    def decode(raw: bytes, name: str) -> Commit:
        """Read an entry; ``name`` is its path, for errors."""
        data = _verified(raw, name)
        try:
            rewrites = data.get("rewrites") or {"removed": (), "added": ()}
            return Commit(
                snapshot_id=data["snapshot_id"],
                parent_id=data["parent_id"],
                branch=data["branch"],
                time=data["time"],
                operation=data["operation"],
                author=data["author"],
                message=data["message"],
                commit_key=data["commit_key"],
                merge_parent_id=data["merge_parent_id"],
                rows_inserted=data["rows_inserted"],
                rows_updated=data["rows_updated"],
                rows_deleted=data["rows_deleted"],
                schema=Schema.decode(data["schema"]) if "schema" in data else None,
                files_removed=tuple(data["files_removed"]),
                files_added=tuple(DataFile.decode(f) for f in data["files_added"]),
                deletes_added=tuple(DeleteFile.decode(d) for d in data["deletes_added"]),
                rewrites_removed=tuple(rewrites["removed"]),
                rewrites_added=tuple(DataFile.decode(f) for f in rewrites["added"]),
                deletes_merged=tuple(
                    MergedDeletes(tuple(checked(p) for p in m["removed"]), DeleteFile.decode(m["added"]))
                    for m in data.get("deletes_merged", ())
                ),
                refs=tuple(Ref(r["name"], r["kind"], r["snapshot_id"]) for r in data.get("refs", ())),
                expired=tuple((first, last) for first, last in data.get("expired", ())),
                view=data.get("view"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"log entry {name} cannot be read: {error!r}") from error


def _verified(raw: bytes, name: str) -> Json:
    text, tail = raw[:-_TAIL], raw[-_TAIL:]
    expected = _CHECKSUM + hashlib.sha256(text).hexdigest().encode() + b'"}'
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"log entry {name} is corrupted (truncated or not JSON); restore it from a copy") from error
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise FormatError(f"log entry {name} is not a commit; restore it from a copy")
    if data["format"] > FORMAT_VERSION:
        raise FormatError(
            f"log entry {name} has format {data['format']}, this version reads up to {FORMAT_VERSION}; "
            "upgrade space-sql"
        )
    if tail != expected:
        raise FormatError(f"log entry {name} is corrupted (its checksum does not match); restore it from a copy")
    return data
