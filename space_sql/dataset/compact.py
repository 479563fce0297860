"""Compaction: small files and deleted rows become few files in the order of the primary key.

It is no data change: the feed and diffs do not show it, older snapshots keep the files that they had.
Writers that commit meanwhile are not disturbed: what they deleted from the old files is deleted
from the new ones, and what they merged themselves is left to them.

Source: docs/format.md, section "Rewrites".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.positions import moved
from space_sql.dataset.record_move import stale
from space_sql.dataset.rewrite import merge_files
from space_sql.dataset.transact import Tip, draft
from space_sql.format.commit import Commit
from space_sql.format.data_file import FILES_PER_COMMIT, DataFile
from space_sql.format.schema import Schema
from space_sql.format.state import State
from space_sql.storage import files as disk
from space_sql.storage.parquet import read_positions, write_deletes

FOLDED_BYTES = 2 << 20
"""Any commit may merge files below this size."""


@dataclass(frozen=True)
class Group:
    """Files that are rewritten together; ``merged`` are those in their place, once written.

    Records are copied out of the record files ``leaving``.
    """

    files: tuple[DataFile, ...]
    merged: tuple[DataFile, ...] = ()
    leaving: frozenset[str] = frozenset()


def choose(state: State, target: int, *, all_files: bool, apart: bool) -> list[Group]:
    """What to rewrite: files with deleted rows, those below half the target size, and those whose records are in
    files that are mostly dead or small; or all.

    With ``apart``, those that other writers may merge meanwhile are a group of their own.
    """
    leaving = stale(state.files.values())
    chosen = [
        f
        for f in state.files.values()
        if all_files or f.deletes or f.forgotten or f.bytes * 2 < target or _uses(f, leaving)
    ]
    parts = [chosen]
    if apart:
        parts = [[f for f in chosen if f.bytes >= FOLDED_BYTES], [f for f in chosen if f.bytes < FOLDED_BYTES]]
    return [
        Group(tuple(part), leaving=leaving) for part in parts if part and (all_files or _pays(part, target, leaving))
    ]


def _uses(file: DataFile, leaving: frozenset[str]) -> bool:
    return any(record.path in leaving for record in file.records)


def _pays(files: Sequence[DataFile], target: int, leaving: frozenset[str]) -> bool:
    """Whether rewriting takes out deleted rows, leaves record files or makes fewer files."""
    return any(f.deletes or f.forgotten or _uses(f, leaving) for f in files) or len(files) > max(
        1, -(-sum(f.bytes for f in files) // target)
    )


def rewrite(
    root: Path, schema: Schema, groups: Sequence[Group], target: int, order_by: Sequence[str], *, sync: bool
) -> list[Group]:
    """Write what stands in the place of each group; nothing refers to it yet."""
    done: list[Group] = []
    try:
        for group in groups:
            live = [f for f in group.files if f.live]
            merged = []
            if live:
                merged = merge_files(
                    root, schema, live, sync=sync, order_by=order_by, file_bytes=target, leaving=group.leaving
                )
            done.append(replace(group, merged=tuple(merged)))
    except BaseException:
        for file in paths(done):
            disk.remove_quietly(root / file)
        raise
    return done


def paths(groups: Sequence[Group]) -> frozenset[str]:
    """Paths of the files that were written, those of records included."""
    out = {f.path for group in groups for f in group.merged}
    for group in groups:
        out |= {r.path for f in group.merged for r in f.records} - {r.path for f in group.files for r in f.records}
    return frozenset(out)


def commit_on(tip: Tip, groups: Sequence[Group], *, sync: bool) -> Commit | None:
    """The commit that puts the new files in place; groups of which a file is no longer there are left out.

    So are those of which rows were forgotten meanwhile: the new files have them."""
    if tip.own:  # what a transaction reads of its own stays as it is
        return None
    removed: list[int] = []
    added: list[DataFile] = []
    number = (tip.refs.snapshot_id + 1) * FILES_PER_COMMIT + 1
    for group in groups:
        now = [tip.state.files[f.number] for f in group.files if f.number in tip.state.files]
        if len(now) < len(group.files) or any(
            a.forgotten != b.forgotten for a, b in zip(group.files, now, strict=True)
        ):
            continue
        numbered = [replace(f, number=number + i) for i, f in enumerate(group.merged)]
        number += len(numbered)
        added += _with_deletes(tip, group.files, now, numbered, sync=sync)
        removed += [f.number for f in group.files]
    if not removed:
        return None
    return draft(tip, "compact", rewrites_removed=tuple(removed), rewrites_added=tuple(added))


def _with_deletes(
    tip: Tip, before: Sequence[DataFile], now: Sequence[DataFile], merged: Sequence[DataFile], *, sync: bool
) -> list[DataFile]:
    """The new files with the positions that others deleted from the old ones meanwhile."""
    root = tip.view.dataset.root
    out = {f.number: f for f in merged}
    touched = [(old, new) for old, new in zip(before, now, strict=True) if new.deleted != old.deleted]
    for change in ("delete", "update"):
        parts = [_fresh(root, old, new, change) for old, new in touched]
        positions = pa.concat_tables([p for p in parts if len(p)]) if any(len(p) for p in parts) else None
        if positions is not None:
            here = moved(root, positions, {f.number: f for f in before}, merged)
            deletes = write_deletes(root, here, change, sync=sync)
            out.update({n: out[n].with_deletes(deletes) for n in deletes.targets})
    return list(out.values())


def _fresh(root: Path, old: DataFile, new: DataFile, change: str) -> pa.Table:
    """Positions that a file lost since, by one kind of change; their files may have been merged."""
    now, then = (
        positions.filter(pc.equal(positions["file"], new.number))
        for positions in (read_positions(root, [d for d in f.deletes if d.change == change]) for f in (new, old))
    )
    return now.filter(pc.invert(pc.is_in(now["pos"], then["pos"])))
