"""Which entries of the log tell of forgotten rows in words: in an author, a message or a commit key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from space_sql.dataset.engine import cursor
from space_sql.dataset.scan import file_list
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.forgotten import Forgetting

_WORD = re.compile(r"[\w.:+@-]+")
_SHORTEST_TEXT, _SHORTEST_OTHER = 3, 4
_LOOKED_AT = 10_000
"""Forgotten rows beyond which every text is blotted out rather than compared with each."""


def telling(
    root: Path,
    commits: Iterable[Commit],
    files: Mapping[int, DataFile],
    positions: pa.Table,
    forgetting: Forgetting,
) -> set[int]:
    """Ids of the entries whose words hold a value of a forgotten row, or that were about such rows alone."""
    with_words = [c for c in commits if c.author or c.message or c.commit_key]
    if not with_words or not len(positions):
        return set()
    if len(positions) > _LOOKED_AT:
        return {c.snapshot_id for c in with_words}
    texts, others = _values(root, files, positions)
    out = set()
    for commit in with_words:
        words = " \n".join(t for t in (commit.author, commit.message, commit.commit_key) if t).casefold()
        if (
            _only_about(commit, forgetting)
            or any(text in words for text in texts)
            or not others.isdisjoint(_WORD.findall(words))
        ):
            out.add(commit.snapshot_id)
    return out


def _only_about(commit: Commit, forgetting: Forgetting) -> bool:
    """Whether every row that an entry wrote or deleted is forgotten."""
    if commit.files_removed:
        return False
    touched = gone = 0
    for file in commit.files_added:
        touched += file.rows
        gone += file.rows - file.remembered
        gone += forgetting.files[file.number].rows if file.number in forgetting.files else 0
    for deletes in commit.deletes_added:
        touched += deletes.rows
        gone += sum(forgetting.files[n].overlaps.get(deletes.path, 0) for n in deletes.targets if n in forgetting.files)
    return 0 < touched <= gone


def _values(root: Path, files: Mapping[int, DataFile], positions: pa.Table) -> tuple[set[str], set[str]]:
    """Texts of the rows, and other values as words; short ones are left out, which would be in every text."""
    texts: set[str] = set()
    others: set[str] = set()
    with cursor() as con:
        con.register("_space_forgotten", positions)
        for number, file in files.items():
            rows = con.execute(
                f"SELECT * FROM read_parquet({file_list(root, [file.path])}, hive_partitioning = false) "
                f"WHERE file_row_number IN (SELECT pos FROM _space_forgotten WHERE file = {number})"
            ).fetchall()
            for value in _leaves(rows):
                if isinstance(value, str) and len(value) >= _SHORTEST_TEXT:
                    texts.add(value.casefold())
                elif not isinstance(value, str | bytes | bool) and len(str(value)) >= _SHORTEST_OTHER:
                    others.add(str(value).casefold())
    return texts, others


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key
            yield from _leaves(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _leaves(inside)
    elif value is not None:
        yield value
