"""Commits: numbers of files, and entries that were tampered with."""

from __future__ import annotations

import pytest

from space_sql.errors import FormatError
from space_sql.format.commit import Commit
from space_sql.format.data_file import FILES_PER_COMMIT, DataFile


def _file(path: str, number: int = 0) -> DataFile:
    return DataFile(number, path, 1, 1, "insert")


def _commit(**changes: object) -> Commit:
    return Commit(snapshot_id=-1, parent_id=2, branch="main", time=1, operation="append", **changes)  # type: ignore[arg-type]


def test_new_files_get_numbers_of_their_commit_and_published_ones_keep_theirs() -> None:
    commit = _commit(files_added=(_file("data/a"), _file("data/b", 7))).numbered(3)
    assert [f.number for f in commit.files_added] == [3 * FILES_PER_COMMIT + 1, 7]


def test_files_that_join_a_numbered_commit_get_numbers_of_their_own() -> None:
    commit = _commit(files_added=(_file("data/a"),)).numbered(3)
    both = Commit(**{**commit.__dict__, "rewrites_added": (_file("data/c"),)}).numbered(3)
    assert both.files_added[0].number != both.rewrites_added[0].number


def test_an_entry_reads_back_as_it_was_written() -> None:
    commit = _commit(files_added=(_file("data/a"),), message="a;b\n'ü").numbered(3)
    assert Commit.decode(commit.encode(), "log/3.json") == commit


@pytest.mark.parametrize("at", [0, 10, 100, -3])
def test_a_flipped_bit_in_an_entry_is_noticed(at: int) -> None:
    raw = bytearray(_commit(files_added=(_file("data/a"),)).numbered(3).encode())
    raw[at] ^= 1
    with pytest.raises(FormatError):
        Commit.decode(bytes(raw), "log/3.json")


def test_a_path_that_leaves_the_folder_is_refused() -> None:
    raw = _commit(files_added=(_file("../outside"),)).numbered(3).encode()
    with pytest.raises(FormatError, match="not inside"):
        Commit.decode(raw, "log/3.json")
