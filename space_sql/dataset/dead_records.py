"""Records that no row points at any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from space_sql.dataset.engine import cursor
from space_sql.dataset.scan import rows_sql
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column
from space_sql.format.types import quote_identifier
from space_sql.storage.records import RecordFiles


def record_columns(commits: Iterable[Commit]) -> dict[int, Column]:
    """Every record field that any version has, by id."""
    return {c.id: c for commit in commits if commit.schema is not None for c in commit.schema.records}


def dead_records(
    root: Path, files: Sequence[DataFile], commits: Iterable[Commit], besides: Iterable[str] = ()
) -> dict[str, set[int]]:
    """For record files of data files, and others: which of their records hold something, though no row points there."""
    paths = {*besides, *(r.path for f in files for r in f.records)}
    listed = {path for path in paths if (root / path).exists()}
    if not listed:
        return {}
    used: dict[str, set[int]] = defaultdict(set)
    with cursor() as con:
        for column in record_columns(commits).values():
            pointing = [f for f in files if column.id in f.columns and f.records]
            if pointing:
                name = quote_identifier(column.name)
                rows = rows_sql(root, pointing, [column], logical=False, ignore_deletes=True)
                for path, row in con.execute(
                    f"SELECT DISTINCT struct_extract({name}, 'file'), struct_extract({name}, 'row') FROM ({rows}) "
                    f"WHERE {name} IS NOT NULL"
                ).fetchall():
                    used[path].add(row)
    records = RecordFiles(root)
    out = {}
    for path in sorted(listed):
        dead = {row for row in range(records.count(path)) if row not in used[path]}
        full = {row for row in dead if records.read(path, row)}
        if full:
            out[path] = full
    return out
