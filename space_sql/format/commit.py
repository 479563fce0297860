"""A commit: one entry of the log.

Source: docs/format.md, section "Commit".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import orjson

from space_sql.errors import FormatError, InvalidInputError
from space_sql.format.data_file import FILES_PER_COMMIT, DataFile, DeleteFile, MergedDeletes
from space_sql.format.forgotten import Forgetting
from space_sql.format.paths import FORMAT_VERSION, checked
from space_sql.format.schema import Schema
from space_sql.format.shape import count, items, one_of, optional_count, optional_text, text

_CHECKSUM = b',"checksum":"'
_TAIL = len(_CHECKSUM) + 64 + 2

Json = dict[str, Any]
Ranges = tuple[tuple[int, int], ...]
"""Snapshot ids as pairs of a first and a last one, in order and apart."""


def _range(value: Any) -> tuple[int, int]:
    first, last = map(count, items(value))
    if first > last:
        raise ValueError(f"{value} is no range")
    return first, last


@dataclass(frozen=True)
class Ref:
    """A change of one ref: ``snapshot_id`` None drops it."""

    name: str
    kind: str
    snapshot_id: int | None

    @staticmethod
    def decode(data: Json) -> Ref:
        """Read a change from the log."""
        return Ref(text(data["name"]), one_of(data["kind"], "tag", "branch"), optional_count(data["snapshot_id"]))


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
    forgets: Forgetting | None = None
    forgot: int | None = None

    @property
    def advances(self) -> bool:
        """Whether the commit is the new head of its branch (entries that change refs, expire or forget are not)."""
        return not self.refs and not self.expired and self.forgets is None and self.forgot is None

    def hiding(self, pending: Forgetting) -> Commit:
        """The commit without the rows that an unfinished forget names."""
        return replace(
            self,
            files_added=tuple(f.hiding(pending) for f in self.files_added),
            rewrites_added=tuple(f.hiding(pending) for f in self.rewrites_added),
        )

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
        if self.forgets is not None:
            body["forgets"] = self.forgets.encode()
        if self.forgot is not None:
            body["forgot"] = self.forgot
        return signed(body)

    @staticmethod
    def decode(raw: bytes, name: str) -> Commit:
        """Read an entry; ``name`` is its path, for errors."""
        data = verified(raw, name)
        try:
            rewrites = data.get("rewrites") or {"removed": (), "added": ()}
            return Commit(
                snapshot_id=count(data["snapshot_id"]),
                parent_id=_parent(data, "parent_id"),
                branch=text(data["branch"]),
                time=_time(data["time"]),
                operation=text(data["operation"]),
                author=optional_text(data["author"]),
                message=optional_text(data["message"]),
                commit_key=optional_text(data["commit_key"]),
                merge_parent_id=_parent(data, "merge_parent_id"),
                rows_inserted=count(data["rows_inserted"]),
                rows_updated=count(data["rows_updated"]),
                rows_deleted=count(data["rows_deleted"]),
                schema=Schema.decode(data["schema"]) if "schema" in data else None,
                files_removed=tuple(map(count, items(data["files_removed"]))),
                files_added=tuple(DataFile.decode(f) for f in data["files_added"]),
                deletes_added=tuple(DeleteFile.decode(d) for d in data["deletes_added"]),
                rewrites_removed=tuple(map(count, items(rewrites["removed"]))),
                rewrites_added=tuple(DataFile.decode(f) for f in rewrites["added"]),
                deletes_merged=tuple(
                    MergedDeletes(tuple(checked(p) for p in items(m["removed"])), DeleteFile.decode(m["added"]))
                    for m in data.get("deletes_merged", ())
                ),
                refs=tuple(map(Ref.decode, items(data.get("refs", ())))),
                expired=tuple(map(_range, items(data.get("expired", ())))),
                view=data.get("view"),
                forgets=Forgetting.decode(data["forgets"]) if "forgets" in data else None,
                forgot=optional_count(data.get("forgot")),
            )
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, InvalidInputError) as error:
            raise FormatError(f"log entry {name} cannot be read: {error!r}") from error


_LAST_TIME = 253_402_300_799_999_999
"""The end of the year 9999 in microseconds."""


def _time(value: Any) -> int:
    if type(value) is int and abs(value) <= _LAST_TIME:
        return value
    raise ValueError(f"{value!r:.60} is not a time")


def _parent(data: Json, member: str) -> int | None:
    """A parent: a snapshot before this one, so that every history ends."""
    parent = optional_count(data[member])
    if parent is not None and parent >= count(data["snapshot_id"]):
        raise ValueError(f"{member} {parent} is not before snapshot {data['snapshot_id']}")
    return parent


def history_of(data: Json) -> Json:
    """The members of an entry that the history shows, read from a checkpoint."""
    if not isinstance(data, dict):
        raise ValueError("a summary is not an object")
    for member in ("snapshot_id", "rows_inserted", "rows_updated", "rows_deleted"):
        count(data[member])
    for member in ("author", "message", "commit_key"):
        optional_text(data[member])
    text(data["branch"]), text(data["operation"]), _time(data["time"])
    _parent(data, "parent_id"), _parent(data, "merge_parent_id")
    return data


def signed(body: Json) -> bytes:
    """The bytes of an entry with these members."""
    raw = orjson.dumps(body)[:-1]
    return raw + _CHECKSUM + hashlib.sha256(raw).hexdigest().encode() + b'"}'


def verified(raw: bytes, name: str) -> Json:
    """The members of an entry, whose checksum is right; ``name`` is its path, for errors."""
    body, tail = raw[:-_TAIL], raw[-_TAIL:]
    expected = _CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b'"}'
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
