"""Folding: a commit that finds many small files merges some of them on the way.

Files fall into tiers of eightfold size. When a tier holds eight, they become one file of the next, so
a dataset of many small commits stays at a few dozen files and each row is rewritten a few times at
most. It is no data change: rows keep their origin, older snapshots keep the files they had.

Source: docs/format.md, section "Rewrites".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.positions import remembered
from space_sql.dataset.rewrite import merge_files
from space_sql.errors import SpaceError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile, DeleteFile, MergedDeletes
from space_sql.format.state import State
from space_sql.storage.parquet import read_positions, write_deletes

FAN = 8
_SMALLEST = 32 << 10
_LARGEST = 2 << 20


def folded(root: Path, before: State, commit: Commit, *, sync: bool) -> Commit:
    """The numbered commit with files merged where it pays; as it was when merging fails.

    Commits that take or bring whole files are left alone: what they change is told by their files.
    """
    if commit.files_removed or commit.brings_back or not (commit.files_added or commit.deletes_added):
        return commit
    after = before.apply(commit)
    try:
        small = _full_tier(f for f in after.files.values() if f.live)
        dead = [f.number for f in after.files.values() if not f.live]
        if small or dead:
            merged = merge_files(root, after.schema, small, sync=sync) if small else []
            removed = (*(f.number for f in small), *dead)
            commit = replace(commit, rewrites_removed=removed, rewrites_added=tuple(merged))
            commit = commit.numbered(commit.snapshot_id)
            after = before.apply(commit)
        return replace(commit, deletes_merged=_merge_deletes(root, after, sync=sync))
    except SpaceError:
        return replace(commit, rewrites_removed=(), rewrites_added=(), deletes_merged=())


_File = TypeVar("_File", DataFile, DeleteFile)


def _full_tier(files: Iterable[_File]) -> list[_File]:
    """The files of the smallest tier that is full; none when no tier is."""
    tiers: dict[int, list[_File]] = defaultdict(list)
    for file in files:
        if file.bytes < _LARGEST:
            tier, bound = 0, _SMALLEST
            while file.bytes >= bound:
                tier, bound = tier + 1, bound * FAN
            tiers[tier].append(file)
    return next((tiers[t] for t in sorted(tiers) if len(tiers[t]) >= FAN), [])


def _merge_deletes(root: Path, state: State, *, sync: bool) -> tuple[MergedDeletes, ...]:
    """Many small files of deleted positions as one, of each kind."""
    by_path: dict[str, DeleteFile] = {}
    for file in state.files.values():
        for deletes in file.deletes:
            known = by_path.get(deletes.path)
            targets = {**(known.targets if known else {}), **deletes.targets}
            by_path[deletes.path] = replace(deletes, targets=targets)
    out = []
    for change in sorted({d.change for d in by_path.values()}):
        small = _full_tier(d for d in by_path.values() if d.change == change)
        if small:
            live = {number for d in small for number in d.targets}
            positions = read_positions(root, small)
            kept = pc.is_in(positions["file"], pa.array(sorted(live), pa.int64()))
            remaining = remembered(root, positions.filter(kept), [state.files[n] for n in sorted(live)])
            if set(pc.unique(remaining["file"]).to_pylist()) != live:
                continue  # of some file all that they list was forgotten
            merged = write_deletes(root, remaining, change, sync=sync)
            out.append(MergedDeletes(tuple(d.path for d in small), merged))
    return tuple(out)
