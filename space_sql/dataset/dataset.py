"""A dataset: a folder with a commit log. Opening one, and finding what a version means."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from space_sql.errors import (
    FormatError,
    InvalidInputError,
    NotFoundError,
    near,
)
from space_sql.format.commit import Commit
from space_sql.format.names import MAIN, parse_version
from space_sql.format.paths import COMPUTED, DATA, DELETES, FORMAT_VERSION, LOG, MARKER, RECORDS
from space_sql.format.state import Refs, State
from space_sql.storage import files
from space_sql.storage.log import Log

_open: dict[Path, Dataset] = {}
_open_lock = threading.Lock()
_KEPT = 256


class Dataset:
    """A dataset folder. One object per folder and process; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = Log(root)
        self._marker: files.Signature | None = None
        self._id = ""

    @property
    def id(self) -> str:
        """The dataset's id, written once when it was created."""
        return self._id

    def check(self) -> None:
        """Raise unless the folder is a dataset of a format this version reads."""
        seen = files.signature(self.root / MARKER)
        if seen is None:
            raise _missing(self.root)
        if seen == self._marker:
            return
        raw = files.read(self.root / MARKER)
        try:
            marker = orjson.loads(raw or b"")
            version, self._id = int(marker["format"]), str(marker["dataset_id"])
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise FormatError(f"{self.root / MARKER} is damaged; restore it from a copy") from error
        if version > FORMAT_VERSION:
            raise FormatError(
                f"{self.root} has format {version}, this version reads up to {FORMAT_VERSION}; upgrade space-sql"
            )
        for part in (LOG, DATA, DELETES, RECORDS, COMPUTED):
            files.check_inside(self.root, part)
        self._marker = seen

    def view(self) -> View:
        """The dataset as of now."""
        self.check()
        refs = self.log.head()
        return View(self, self._id, refs, refs.snapshot_id)


@dataclass(frozen=True)
class Own:
    """A commit of the reader's own transaction, put on the older state that it keeps reading."""

    parent_id: int
    commit: Commit
    state: State


@dataclass(frozen=True)
class View:
    """A dataset as of one entry of its log, plus what the reader itself committed since.

    Everything a statement or transaction reads comes from one view, so it sees one state.
    ``own`` are commits that the reader sees on an older state than the log has them on, because
    others committed before them; ``made`` are ids of all its commits.
    """

    dataset: Dataset
    dataset_id: str
    refs: Refs
    seen: int
    made: frozenset[int] = frozenset()
    own: Mapping[int, Own] = field(default_factory=dict)

    def shows(self, snapshot_id: int) -> bool:
        """Whether the reader may know of an entry of the log."""
        return snapshot_id <= self.seen or snapshot_id in self.made

    def state(self, snapshot_id: int) -> State:
        """The content of a snapshot."""
        own = self.own.get(snapshot_id)
        return own.state if own is not None else self.dataset.log.state(snapshot_id)

    def commit(self, snapshot_id: int) -> Commit:
        """An entry; its parent is the one that the reader sees."""
        own = self.own.get(snapshot_id)
        return own.commit if own is not None else self.dataset.log.commit(snapshot_id)

    def resolve(self, version: str | None, branch: str | None = None) -> int:
        """The snapshot id that a version means; omitted: the head of ``branch``, else of main."""
        if version is None:
            return self.head(branch or MAIN)
        parsed = parse_version(version)
        number = parsed.snapshot_id
        if number is not None:
            found = self.content_of(number)
        elif parsed.name in self.refs.tags:
            found = self.refs.tags[parsed.name]
        elif parsed.name in self.refs.branches:
            found = self.refs.branches[parsed.name]
        else:
            names = [*self.refs.tags, *self.refs.branches]
            known = ", ".join(sorted(names)[:10])
            raise NotFoundError(
                f'no version "{parsed.name}" in {self.dataset.root}.{near(parsed.name, names)} '
                f"Tags and branches: {known}"
            )
        for step in range(parsed.steps):
            parent = self.commit(found).parent_id
            if parent is None:
                raise NotFoundError(f'"{version}" goes back {parsed.steps} snapshots, but there are only {step}')
            found = parent
        return self.kept(found)

    def kept(self, snapshot_id: int) -> int:
        """The snapshot, if it was not expired."""
        if self.refs.has_expired(snapshot_id):
            raise NotFoundError(
                f"snapshot {snapshot_id} of {self.dataset.root} was expired; "
                "space_snapshots lists those that can be read"
            )
        return snapshot_id

    def content_of(self, snapshot_id: int) -> int:
        """The snapshot whose content an id shows: entries that move no head show their parent's."""
        if not self.shows(snapshot_id):
            raise NotFoundError(
                f"no snapshot {snapshot_id} in {self.dataset.root}; the newest is {max(self.seen, *self.made, 0)}"
            )
        commit = self.dataset.log.commit(snapshot_id)
        return snapshot_id if commit.advances or commit.parent_id is None else commit.parent_id

    def head(self, branch: str) -> int:
        """The newest snapshot of a branch."""
        found = self.refs.branches.get(branch)
        if found is None:
            names = list(self.refs.branches)
            raise NotFoundError(
                f'no branch "{branch}" in {self.dataset.root}.{near(branch, names)} Branches: {", ".join(names)}'
            )
        return found

    def as_of(self, micros: int, branch: str | None) -> int:
        """The newest snapshot of a branch at or before a time (UTC microseconds since 1970)."""
        if micros > max(time.time_ns() // 1000, self.refs.time):
            raise InvalidInputError(f"as_of {_text(micros)} is in the future")
        entry = self.entry_at(micros)
        if entry is None:
            first = self.dataset.log.commit(0).time
            raise NotFoundError(f"as_of {_text(micros)} is before the first snapshot ({_text(first)})")
        then = self.dataset.log.refs_at(entry).branches
        name = branch or MAIN
        if name not in then:
            raise NotFoundError(f'branch "{name}" did not exist at {_text(micros)}')
        return self.kept(then[name])

    def entry_at(self, micros: int) -> int | None:
        """Id of the newest entry of the log at or before a time; None when the first came later."""
        log = self.dataset.log
        low, high = -1, self.refs.snapshot_id
        while low < high:
            middle = (low + high + 1) // 2
            if log.commit(middle).time <= micros:
                low = middle
            else:
                high = middle - 1
        return low if low >= 0 else None

    def chain(self, older: int, newer: int) -> list[Commit]:
        """The commits after ``older`` up to ``newer``, oldest first; ``older`` must be an ancestor."""
        out: list[Commit] = []
        at: int | None = newer
        while at is not None and at > older:
            commit = self.commit(at)
            out.append(commit)
            at = commit.parent_id
        if at != older:
            raise InvalidInputError(
                f"snapshot {older} is not an ancestor of snapshot {newer}: space_changes follows one history; "
                "use space_diff to compare any two versions"
            )
        for commit in out:
            self.kept(commit.snapshot_id)
        return out[::-1]

    def after(self, commit: Commit, own: Own | None) -> View:
        """The view after a commit by its own reader; ``own`` when commits by others stay unseen."""
        return replace(
            self,
            refs=self.refs.apply(commit),
            made=self.made | {commit.snapshot_id},
            own={**self.own, commit.snapshot_id: own} if own is not None else self.own,
        )

    def showing(self, branch: str, snapshot_id: int, own: Own) -> View:
        """The view after a write that others had done already: their snapshot shows, on the reader's state."""
        return replace(
            self,
            refs=replace(self.refs, branches={**self.refs.branches, branch: snapshot_id}),
            made=self.made | {snapshot_id},
            own={**self.own, snapshot_id: own},
        )


def _text(micros: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()
    except OverflowError:
        return "infinity" if micros > 0 else "-infinity"


def folder(path: str | None) -> Path:
    """The absolute folder that a path argument means."""
    if not path:
        raise InvalidInputError("a dataset path is required")
    if "\x00" in path:
        raise InvalidInputError("a dataset path cannot hold a NUL character")
    return Path(os.path.abspath(os.path.expanduser(path)))


def open_dataset(path: str | None) -> Dataset:
    """The dataset in a folder; NotFoundError says what is there instead."""
    root = folder(path)
    with _open_lock:
        dataset = _open.get(root)
        if dataset is None:
            dataset = Dataset(root)
    dataset.check()
    with _open_lock:
        dataset = _open.setdefault(root, dataset)
        while len(_open) > _KEPT:
            _open.pop(next(iter(_open)))
    return dataset


def find_datasets(root: Path) -> Iterator[Path]:
    """Folders of all datasets below a folder, in path order; a dataset's own folders are not searched."""
    for here, folders, names in os.walk(root):
        folders.sort()
        if MARKER in names and LOG in folders:
            folders.clear()
            yield Path(here)


def _missing(root: Path) -> NotFoundError:
    if not root.exists():
        siblings: list[str] = []
        if root.parent.is_dir():
            siblings = [p.name for p in root.parent.iterdir() if (p / MARKER).exists()][:1000]
        return NotFoundError(f"no dataset at {root}: the path does not exist.{near(root.name, siblings)}")
    if not root.is_dir():
        return NotFoundError(f"{root} is a file, not a dataset folder")
    return NotFoundError(f"{root} is not a dataset (it has no {MARKER}); space_create makes one")
