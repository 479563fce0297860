"""Hashes beside records: the same ones, in the same order, whatever their sizes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest

from space_sql.dataset.hashing import hashed

MIB = 1 << 20


@pytest.mark.parametrize(
    "sizes",
    [[], [0], [3, None, 0], [MIB] * 13, [None] * 9 + [5 * MIB, None, 1, 40 * MIB, 2 * MIB, 33 * MIB, 7]],
)
def test_each_record_comes_with_its_own_hash_in_its_order(sizes: list[int | None]) -> None:
    records = [None if size is None else bytes([n % 251]) * size for n, size in enumerate(sizes)]
    found = list(hashed(iter(records)))
    assert [record for record, _ in found] == records
    assert [mark for _, mark in found] == [
        b"" if record is None else hashlib.sha256(record).digest()[:16] for record in records
    ]


def test_large_records_are_in_memory_one_at_a_time() -> None:
    taken = 0

    def records() -> Iterator[bytes]:
        for number in range(4):
            assert number == taken
            yield bytes(33 * MIB)

    for _ in hashed(records()):
        taken += 1
    assert taken == 4


def test_a_failure_while_reading_ends_the_thread() -> None:
    def records() -> Iterator[bytes]:
        yield bytes(5 * MIB)
        yield bytes(5 * MIB)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(hashed(records()))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("space-hash")]
