"""What a snapshot holds: its schema and live data files; and what the log says of refs.

Source: docs/format.md, section "State".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from space_sql.errors import FormatError
from space_sql.format.commit import Commit, Ranges
from space_sql.format.data_file import DataFile
from space_sql.format.forgotten import Forgetting
from space_sql.format.names import MAIN
from space_sql.format.records import RecordFile, by_path
from space_sql.format.schema import Schema


@dataclass(frozen=True)
class State:
    """The content of one snapshot: data files by number, in the order they were added."""

    snapshot_id: int
    schema: Schema
    files: Mapping[int, DataFile]

    @cached_property
    def rows(self) -> int:
        """How many rows the snapshot has."""
        return sum(file.live for file in self.files.values())

    @property
    def bytes(self) -> int:
        """Size of the live data files in bytes."""
        return sum(file.bytes for file in self.files.values())

    @cached_property
    def records(self) -> dict[str, RecordFile]:
        """The record files that its rows point into, by path."""
        return by_path(record for file in self.files.values() for record in file.records)

    def apply(self, commit: Commit) -> State:
        """The state after a commit on this one."""
        files = dict(self.files)

        def remove(numbers: Iterable[int]) -> None:
            for number in numbers:
                if files.pop(number, None) is None:
                    raise FormatError(f"log entry {commit.snapshot_id} removes data file {number}, which is not there")

        remove(commit.files_removed)
        for deletes in commit.deletes_added:
            for number in deletes.targets:
                if number not in files:
                    raise FormatError(f"log entry {commit.snapshot_id} deletes from file {number}, which is not there")
                files[number] = files[number].with_deletes(deletes)

        def add(added: Iterable[DataFile]) -> None:
            for file in added:
                if files.setdefault(file.number, file) is not file:
                    raise FormatError(f"log entry {commit.snapshot_id} adds data file {file.number}, which is there")

        add(commit.files_added)
        remove(commit.rewrites_removed)
        add(commit.rewrites_added)
        for merged in commit.deletes_merged:
            files.update((n, files[n].with_merged(merged)) for n in merged.added.targets)
        return State(commit.snapshot_id, commit.schema or self.schema, files)

    def hiding(self, pending: Forgetting) -> State:
        """The state without the rows that an unfinished forget names."""
        if not pending.files.keys() & self.files.keys():
            return self
        return replace(self, files={n: f.hiding(pending) for n, f in self.files.items()})


def first_state(commit: Commit) -> State:
    """The state of the commit that created the dataset."""
    if commit.schema is None:
        raise FormatError(f"log entry {commit.snapshot_id} has no parent and no schema")
    return State(commit.snapshot_id, commit.schema, {}).apply(commit)


@dataclass(frozen=True)
class Refs:
    """Tags, branches and expired snapshots after an entry of the log, and the time of that entry.

    ``forgetting`` is a forget that did not finish, with the id of its entry; ``forgot`` the entry that tells of the
    newest one that did: older entries were written anew then.
    """

    snapshot_id: int
    time: int
    branches: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    expired: Ranges = ()
    forgetting: tuple[int, Forgetting] | None = None
    forgot: int = -1

    def has_expired(self, snapshot_id: int) -> bool:
        """Whether a snapshot was expired."""
        at = bisect_right(self.expired, snapshot_id, key=lambda r: r[0])
        return at > 0 and snapshot_id <= self.expired[at - 1][1]

    def apply(self, commit: Commit) -> Refs:
        """The refs after a further entry."""
        if commit.advances:
            branches = {**self.branches, commit.branch: commit.snapshot_id}
            return replace(self, snapshot_id=commit.snapshot_id, time=commit.time, branches=branches)
        branches, tags = dict(self.branches), dict(self.tags)
        for ref in commit.refs:
            names = tags if ref.kind == "tag" else branches
            if ref.snapshot_id is None:
                names.pop(ref.name, None)
            else:
                names[ref.name] = ref.snapshot_id
        forgetting, forgot = self.forgetting, self.forgot
        if commit.forgets is not None:
            forgetting = (commit.snapshot_id, commit.forgets)
        elif commit.forgot is not None:
            forgetting, forgot = None, commit.snapshot_id
        expired = united(self.expired, commit.expired)
        return Refs(commit.snapshot_id, commit.time, branches, tags, expired, forgetting, forgot)


def united(*several: Ranges) -> Ranges:
    """All ids of several ranges, as few ranges as can be."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(r for ranges in several for r in ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


NO_REFS = Refs(-1, 0, {MAIN: -1})
