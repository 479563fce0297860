"""Committing: the loop that publishes the next entry of the log, or rebases and tries again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from space_sql.dataset.dataset import Dataset, Own, View
from space_sql.dataset.session import Session
from space_sql.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotSyncedError,
    SpaceError,
    StorageError,
    near,
)
from space_sql.format.commit import Commit
from space_sql.format.data_file import FILES_PER_COMMIT
from space_sql.format.names import MAIN
from space_sql.format.paths import LOG
from space_sql.format.state import Refs, State
from space_sql.storage import files, turn

_ATTEMPTS = 1000
_PATIENCE = 5
"""Attempts after which a write asks the others to wait."""

_CONTENT = {
    *("append", "insert", "upsert", "update", "delete", "overwrite", "merge", "import"),
    *("add_column", "rename_column", "drop_column"),
}


@dataclass(frozen=True)
class Options:
    """The arguments that all writes take."""

    branch: str | None = None
    message: str | None = None
    author: str | None = None
    expected_snapshot: str | None = None
    commit_key: str | None = None

    def __post_init__(self) -> None:
        if self.commit_key == "":
            raise InvalidInputError("commit_key cannot be empty")


@dataclass(frozen=True)
class Result:
    """What a write returns: the snapshot that now stands, and what the write changed in it."""

    snapshot_id: int
    operation: str
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0

    @staticmethod
    def of(commit: Commit) -> Result:
        """The result of a commit."""
        return Result(
            commit.snapshot_id, commit.operation, commit.rows_inserted, commit.rows_updated, commit.rows_deleted
        )

    def row(self) -> dict[str, Any]:
        """The result as the row that SQL shows."""
        return self.__dict__.copy()


@dataclass(frozen=True)
class Report:
    """What a function of upkeep returns: rows of its own columns."""

    rows: Sequence[Mapping[str, Any]]

    def row(self) -> Sequence[Mapping[str, Any]]:
        """The rows, as JSON has them."""
        return self.rows


@dataclass(frozen=True)
class Tip:
    """What a commit is put on: the branch head as of now.

    ``own`` is true for the head as only the session's transaction sees it, on an older state.
    """

    view: View
    branch: str
    state: State
    own: bool = False

    @property
    def refs(self) -> Refs:
        """Tags and branches as of now."""
        return self.view.refs


Build = Callable[[Tip], Commit | None]


def draft(tip: Tip, operation: str, **changes: Any) -> Commit:
    """A commit on the tip, still without id, time and options."""
    return Commit(
        snapshot_id=-1, parent_id=tip.state.snapshot_id, branch=tip.branch, time=0, operation=operation, **changes
    )


def find_repeat(dataset: Dataset, options: Options) -> Result | None:
    """The result of the commit that was made with the same commit key."""
    if options.commit_key is None:
        return None
    commit = dataset.log.find_key(options.commit_key)
    return Result.of(commit) if commit else None


def branch_of(session: Session, options: Options) -> str:
    """The branch that a write goes to."""
    return options.branch or session.branch or MAIN


def transact(
    session: Session, view: View, options: Options, operation: str, build: Build, staged: frozenset[str] = frozenset()
) -> Result:
    """Publish what ``build`` makes of the newest state, again on a newer one when others were faster.

    ``build`` returns None when there is nothing to change; the result then names the snapshot that
    stands. What it writes beside the ``staged`` files is removed when an attempt fails, and staged files
    that the commit does not need are removed at the end. When this returns, the commit is durable
    (unless syncing is relaxed).
    """
    dataset = view.dataset
    _check_no_view(dataset, operation)
    with ExitStack() as turns:
        for attempt in range(_ATTEMPTS):
            if attempt < _PATIENCE:
                turn.awaited(dataset.root / LOG)
            elif attempt == _PATIENCE:
                turns.enter_context(turn.taken(dataset.root / LOG))
            done = _attempt(session, view, options, operation, build, staged, first=attempt == 0)
            if done is not None:
                return done
            time.sleep(random.uniform(0, min(0.001 * 2 ** min(attempt, 6), 0.05)))
    raise ConflictError(f"{_ATTEMPTS} other commits came first; try again")


def _attempt(
    session: Session,
    view: View,
    options: Options,
    operation: str,
    build: Build,
    staged: frozenset[str],
    *,
    first: bool,
) -> Result | None:
    """Put what ``build`` makes on the newest state; None when another commit came first."""
    dataset = view.dataset
    branch = branch_of(session, options)
    now = dataset.view()
    repeat = find_repeat(dataset, options)
    if repeat is not None:
        _remove(dataset, staged)
        return repeat
    tip = tip_of(now, branch)
    _check_expected(tip, options)
    own = _own_tip(session.view_of(view), tip)
    built = build(tip)
    mine = build(own) if own is not None and (built is None or built.advances) else None
    if built is None:
        if own is not None and mine is not None:
            done = _as_own(own, mine, tip.state.snapshot_id, None)
            session.show(own.view.showing(branch, tip.state.snapshot_id, done))
        else:
            _remove(dataset, staged)
        return Result(tip.state.snapshot_id, operation)
    commit = replace(
        built,
        time=max(time.time_ns() // 1000, now.refs.time + 1),
        author=options.author,
        message=options.message,
        commit_key=options.commit_key,
    ).numbered(now.refs.snapshot_id + 1)
    if first:
        from space_sql.dataset.fold import folded  # with Arrow, which reading does not need

        commit = folded(dataset.root, tip.state, commit, sync=session.sync)
    try:
        _check_files(dataset, commit)
        if commit.files_added and (commit.schema or tip.state.schema).checks:
            from space_sql.dataset.enforce import enforce

            enforce(dataset.root, tip.state, commit)
        published = dataset.log.publish(commit, sync=session.sync)
    except NotSyncedError:
        raise
    except SpaceError:
        _remove(dataset, _new_files(commit) - staged)
        raise
    if published:
        shown = None
        if own is not None and commit.advances:
            shown = _as_own(own, mine, commit.snapshot_id, commit)
        else:
            _remove(dataset, staged - _new_files(commit) - _record_files(commit))
        session.show(session.view_of(view).after(commit, shown))
        return Result.of(commit)
    _remove(dataset, _new_files(commit) - staged)
    return None


def _check_no_view(dataset: Dataset, operation: str) -> None:
    """Raise InvalidInputError where rows or columns of a materialized view would not come from its query."""
    if operation in _CONTENT and dataset.log.commit(0).view is not None:
        raise InvalidInputError(
            f"{dataset.root} is a materialized view: space_refresh brings it up to date; change its sources instead"
        )


def _own_tip(seen: View, tip: Tip) -> Tip | None:
    """The branch head as the session's transaction sees it, when that is not the real one."""
    head = seen.refs.branches.get(tip.branch)
    if head is None or (head == tip.state.snapshot_id and head not in seen.own):
        return None
    return Tip(seen, tip.branch, seen.state(head), own=True)


def _as_own(own: Tip, mine: Commit | None, snapshot_id: int, commit: Commit | None) -> Own:
    """What a write did to the older state that its transaction reads.

    Files that the published commit has too keep their numbers; the others, which only this
    transaction reads, get negative ones: no later write may refer to rows in them.
    """
    mine = mine or draft(own, commit.operation if commit else "none")
    numbers = {f.path: f.number for f in commit.files_added} if commit else {}
    added = tuple(
        replace(f, number=numbers.get(f.path, -snapshot_id * FILES_PER_COMMIT - i))
        for i, f in enumerate(mine.files_added, 1)
    )
    mine = replace(mine, snapshot_id=snapshot_id, files_added=added)
    return Own(own.state.snapshot_id, mine, own.state.apply(mine))


def _new_files(commit: Commit) -> frozenset[str]:
    """Paths of the files that a numbered commit is the first to name."""
    added = (*commit.files_added, *commit.rewrites_added)
    data = {f.path for f in added if f.number // FILES_PER_COMMIT == commit.snapshot_id}
    carried = {d.path for f in commit.rewrites_added for d in f.deletes}
    merged = {m.added.path for m in commit.deletes_merged}
    forgets = {commit.forgets.path} if commit.forgets is not None and commit.forgets.path else set()
    return frozenset(data | carried | merged | forgets | {d.path for d in commit.deletes_added})


def _check_files(dataset: Dataset, commit: Commit) -> None:
    """Raise unless every file is there that a commit is the first to name: a vacuum may have taken an old one."""
    for path in _new_files(commit) | _record_files(commit):
        if not (dataset.root / path).exists():
            raise StorageError(f"{dataset.root / path} vanished before it was committed; run the statement again")


def _record_files(commit: Commit) -> frozenset[str]:
    """Paths of the record files that a commit's rows point into, new or not."""
    added = (*commit.files_added, *commit.rewrites_added)
    return frozenset(record.path for file in added for record in file.records)


def _remove(dataset: Dataset, paths: frozenset[str]) -> None:
    for path in paths:
        files.remove_quietly(dataset.root / path)


def tip_of(view: View, branch: str) -> Tip:
    """The head of a branch."""
    return Tip(view, branch, view.dataset.log.state(view.head(branch)))


def _check_expected(tip: Tip, options: Options) -> None:
    if options.expected_snapshot is None:
        return
    text = options.expected_snapshot
    if not (text.isdecimal() and text.isascii()):
        raise InvalidInputError(f"expected_snapshot is a snapshot id, not {text!r}")
    expected = tip.view.content_of(int(text))
    if expected != tip.state.snapshot_id:
        raise ConflictError(
            f"expected snapshot {text} at the head of {tip.branch}, found {tip.state.snapshot_id}; read again and retry"
        )


def missing_ref(names: dict[str, int], name: str, what: str) -> NotFoundError:
    """The error for a tag or branch that is not there."""
    known = ", ".join(sorted(names)) or "none"
    return NotFoundError(f'no {what} "{name}".{near(name, names)} There are: {known}')
