"""Rows known by position: carrying a delete or update over to a branch head that moved on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from space_sql.dataset.engine import cursor
from space_sql.dataset.scan import reader
from space_sql.dataset.transact import Tip
from space_sql.errors import ConflictError, FormatError
from space_sql.format.commit import Commit
from space_sql.format.data_file import FILES_PER_COMMIT, DataFile
from space_sql.format.state import State
from space_sql.storage.parquet import ORIGIN_COLUMNS, ORIGIN_IDS, read_positions

Positions: TypeAlias = pa.Table
"""Columns ``file`` and ``pos``, int64."""


def rebase(positions: Positions, tip: Tip, *, forgiving: bool) -> Positions:
    """The same rows in the tip.

    Rows that others deleted meanwhile are left out when ``forgiving`` (a delete unites with theirs),
    else a ConflictError; rows that others changed always are one.
    """
    while len(positions):
        lost = _numbers(positions) - tip.state.files.keys()
        if not lost:
            return _still_there(positions, tip.state, tip, forgiving=forgiving)
        if min(lost) < 0:
            raise ConflictError(
                "others committed since this transaction began, and this write would change rows that it wrote "
                "itself: COMMIT, then run the statement again"
            )
        commit = _rewriting(tip, lost)
        if commit is None or commit.parent_id is None:
            raise ConflictError("the rows of this write were replaced by another commit; read again and retry")
        unmoved = replace(commit, rewrites_removed=(), rewrites_added=())
        before = tip.view.dataset.log.state(commit.parent_id).apply(unmoved)
        mask = pc.is_in(positions["file"], pa.array(sorted(lost & set(commit.rewrites_removed)), pa.int64()))
        moving = _still_there(positions.filter(mask), before, tip, forgiving=forgiving)
        positions = pa.concat_tables([positions.filter(pc.invert(mask)), _in_merged(moving, before, commit, tip)])
    return positions


def _numbers(positions: Positions) -> set[int]:
    return set(pc.unique(positions["file"]).to_pylist())


def _still_there(positions: Positions, state: State, tip: Tip, *, forgiving: bool) -> Positions:
    """The positions that a state has not deleted; see ``rebase``."""
    files = [state.files[number] for number in _numbers(positions)]
    gone = [d for file in files for d in file.deletes]
    forgotten = [f for file in files for f in file.forgotten]
    if forgotten:
        both = _also_in(positions, read_positions(tip.view.dataset.root, forgotten))
        if not forgiving and pc.any(both).as_py():
            raise ConflictError("a row of this write was forgotten by another commit; read again and retry")
        positions = positions.filter(pc.invert(both))
    for change in sorted({d.change for d in gone}, reverse=True):
        theirs = read_positions(tip.view.dataset.root, [d for d in gone if d.change == change])
        both = _also_in(positions, theirs)
        if pc.any(both).as_py():
            if change == "update" or not forgiving:
                raise ConflictError("a row of this write was changed by another commit; read again and retry")
            positions = positions.filter(pc.invert(both))
    return positions


def remembered(root: Path, positions: Positions, files: Sequence[DataFile]) -> Positions:
    """The positions of rows that were not forgotten."""
    forgotten = [f for file in files for f in file.forgotten]
    if not forgotten:
        return positions
    return positions.filter(pc.invert(_also_in(positions, read_positions(root, forgotten))))


def _also_in(positions: Positions, others: Positions) -> pa.ChunkedArray:
    """For each position whether it is among the others."""
    found = pc.is_null(positions["file"])
    for number in _numbers(positions) & _numbers(others):
        theirs = others.filter(pc.equal(others["file"], number))["pos"]
        here = pc.and_(pc.equal(positions["file"], number), pc.is_in(positions["pos"], theirs))
        found = pc.or_(found, here)
    return found


def _rewriting(tip: Tip, lost: Iterable[int]) -> Commit | None:
    """The commit before the tip that merged one of these files into others."""
    first = min(lost) // FILES_PER_COMMIT
    at: int | None = tip.state.snapshot_id
    while at is not None and at >= first:
        commit = tip.view.dataset.log.commit(at)
        if any(n in commit.rewrites_removed for n in lost):
            return commit
        at = commit.parent_id
    return None


def _in_merged(positions: Positions, before: State, commit: Commit, tip: Tip) -> Positions:
    return moved(tip.view.dataset.root, positions, before.files, commit.rewrites_added)


def moved(root: Path, positions: Positions, before: Mapping[int, DataFile], merged: Sequence[DataFile]) -> Positions:
    """Positions in the files that stand in the place of others, found by the rows' origins.

    Raises:
        FormatError: a row is not there, though it was alive when the files were merged.
    """
    if not len(positions):
        return positions
    with cursor() as con:
        con.register("_space_moving", positions)
        origins = []
        for number in sorted(_numbers(positions)):
            file = before[number]
            rows = f"SELECT * FROM _space_moving WHERE file = {number}"
            if file.origin:
                rows = (
                    f"SELECT o.origin_file, o.origin_pos FROM ({origins_sql(root, file)}) AS o "
                    f"SEMI JOIN ({rows}) AS m ON o.pos = m.pos"
                )
            else:
                rows = f"SELECT file AS origin_file, pos AS origin_pos FROM ({rows})"
            origins.append(rows)
        targets = " UNION ALL ".join(origins_sql(root, f) for f in merged if f.origin)
        found = con.sql(
            f"SELECT t.file, t.pos FROM ({' UNION ALL '.join(origins)}) AS o JOIN ({targets}) AS t "
            "USING (origin_file, origin_pos)"
        ).to_arrow_table()
    if len(found) != len(positions):
        raise FormatError("files were merged, but rows of them are lost; restore the folder from a copy")
    return found.cast(positions.schema)


def origins_sql(root: Path, file: DataFile) -> str:
    """A query over the rows of a merged file: ``file``, ``pos``, ``origin_file``, ``origin_pos``."""
    columns = [(i, name, "BIGINT") for i, name in zip(ORIGIN_IDS, ORIGIN_COLUMNS, strict=True)]
    return (
        f"SELECT {file.number}::BIGINT AS file, file_row_number AS pos, {ORIGIN_COLUMNS[0]} AS origin_file, "
        f"{ORIGIN_COLUMNS[1]} AS origin_pos FROM {reader(root, [file.path], columns)}"
    )
