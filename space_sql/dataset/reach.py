"""Which files of a dataset its readable snapshots need."""

from __future__ import annotations

from collections.abc import Iterable

from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.state import Refs, State
from space_sql.storage.log import Log


def paths_of_state(state: State) -> dict[str, int]:
    """Paths and sizes in bytes of the files that a snapshot's rows are read from."""
    return _paths(state.files.values())


def paths_of_commit(commit: Commit) -> dict[str, int]:
    """Paths and sizes in bytes of the files that an entry of the log brings."""
    out = _paths((*commit.files_added, *commit.rewrites_added))
    out.update((d.path, d.bytes) for d in commit.deletes_added)
    out.update((m.added.path, m.added.bytes) for m in commit.deletes_merged)
    if commit.forgets is not None and commit.forgets.path:
        out[commit.forgets.path] = commit.forgets.bytes
    return out


def _paths(files: Iterable[DataFile]) -> dict[str, int]:
    out: dict[str, int] = {}
    for file in files:
        out[file.path] = file.bytes
        out.update((d.path, d.bytes) for d in file.deletes)
        out.update((f.path, f.bytes) for f in file.forgotten)
        out.update((r.path, r.bytes) for r in file.records)
    return out


def reachable(log: Log, refs: Refs) -> dict[str, int]:
    """Paths and sizes in bytes of the files that any snapshot needs that has not expired.

    A snapshot needs what its rows are read from, and what its change feed is read from.
    """
    out: dict[str, int] = {}
    if refs.forgetting is not None and refs.forgetting[1].path:
        out[refs.forgetting[1].path] = refs.forgetting[1].bytes
    for snapshot_id in range(refs.snapshot_id + 1):
        if refs.has_expired(snapshot_id):
            continue
        commit = log.commit(snapshot_id)
        out.update(paths_of_commit(commit))
        if commit.advances and commit.parent_id is not None and refs.has_expired(commit.parent_id):
            out.update(paths_of_state(log.state(snapshot_id)))
    return out
