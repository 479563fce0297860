"""Checkpoints as bytes."""

from __future__ import annotations

import pytest

from space_sql.format.commit import Commit
from space_sql.format.schema import Column, Schema
from space_sql.format.state import Refs, State
from space_sql.format.types import BIGINT
from space_sql.storage import checkpoint

COMMIT = Commit(32, 3, "main", 7, "append", message="months of work", commit_key="k").summary()


@pytest.fixture(scope="module")
def raw() -> bytes:
    state = State(32, Schema((Column(1, "id", BIGINT),), (1,)), {})
    return checkpoint.encode(Refs(32, 7, {"main": 32}, {"v1": 3}), [state], [COMMIT])


def test_it_reads_back(raw: bytes) -> None:
    read = checkpoint.decode(raw)
    assert read is not None
    assert read.refs == Refs(32, 7, {"main": 32}, {"v1": 3})
    assert read.history == [COMMIT]
    assert read.keys == {"k": 32}
    assert [c.name for c in read.states[32].schema.columns] == ["id"]


def test_any_flipped_bit_makes_it_worthless(raw: bytes) -> None:
    for position in range(len(raw)):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[position] ^= 1 << bit
            assert checkpoint.decode(bytes(damaged)) is None, (position, bit)


@pytest.mark.parametrize("kept", [0, 1, 4, -8, -1])
def test_a_truncated_one_is_worthless(raw: bytes, kept: int) -> None:
    assert checkpoint.decode(raw[:kept]) is None
