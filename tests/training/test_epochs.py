"""Epochs: every row once, in the order that SQL gives, for any ranks and from any place.

SPACE_SQL_LONG=1 runs the long form.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space_sql.dataset import engine
from space_sql.dataset.shuffle import shuffled_sql
from space_sql.errors import InvalidInputError
from space_sql.training import Epoch, Source, open_dataset, resumed
from space_sql.training.order import Order
from tests.training import scans

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
SEEDS = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=500 if LONG else 40, deadline=None)
@given(rows=st.integers(0, 3000), seed=SEEDS, epoch=st.integers(0, 2**40))
def test_numpy_and_sql_compute_the_same_permutation(rows: int, seed: int, epoch: int) -> None:
    numbers = f"SELECT range AS _space_index FROM range({rows})"
    sql = f"SELECT _space_index FROM ({shuffled_sql(numbers, seed, epoch)}) ORDER BY _space_slot"
    order = Order(rows, seed, epoch).at(np.arange(rows))
    assert order.tolist() == engine.query(sql)["_space_index"].to_pylist()
    assert sorted(order.tolist()) == list(range(rows))


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(1, 2**40), seed=SEEDS, data=st.data())
def test_a_place_is_found_without_the_others_however_many_rows_there_are(
    rows: int, seed: int, data: st.DataObject
) -> None:
    places = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=20, unique=True))
    found = Order(rows, seed, 0).at(places)
    assert len(set(found.tolist())) == len(places)
    assert 0 <= found.min() <= found.max() < rows


def test_the_order_of_an_epoch_never_changes() -> None:
    assert Order(10, 7, 2).at(range(10)).tolist() == [6, 2, 0, 9, 3, 1, 8, 5, 4, 7]


@pytest.mark.parametrize("rows", [4, 7, 50])
def test_every_row_is_as_often_in_every_place(rows: int) -> None:
    seeds = 4000
    counts = np.zeros((rows, rows))
    for seed in range(seeds):
        counts[np.arange(rows), Order(rows, seed, 0).at(np.arange(rows))] += 1
    expected = seeds / rows
    freedom = (rows - 1) ** 2
    chi = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi - freedom) < 6 * np.sqrt(2 * freedom)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("scans") / "ds"
    scans.make(path, 90).close()
    return open_dataset(path)


def ids(rows: Epoch) -> list[int]:
    return [row["id"] for row in rows]


@settings(max_examples=100 if LONG else 12, deadline=None)
@given(
    seed=SEEDS,
    epoch=st.integers(0, 9),
    world=st.integers(1, 4),
    batch_size=st.integers(1, 40),
    where=st.sampled_from([None, "label = 9", "image.bytes > 3", "score IS NOT NULL", "false"]),
    order_by=st.sampled_from([None, "id", "label DESC, score"]),
    data=st.data(),
)
def test_ranks_together_read_the_rows_of_sql_in_its_order_also_when_resumed(
    source: Source,
    seed: int,
    epoch: int,
    world: int,
    batch_size: int,
    where: str | None,
    order_by: str | None,
    data: st.DataObject,
) -> None:
    path = Path(source.root)
    chosen = open_dataset(path, columns=["id", "image"], where=where, order_by=order_by)
    arguments: dict[str, object] = {"seed": seed, "epoch": epoch}
    arguments |= {"predicate": where} if where else {}
    arguments |= {"order_by": order_by} if order_by else {}
    with scans.space_sql.connect() as con:
        wanted = scans.ids(con, path, **arguments)
        assert sorted(wanted) == sorted(row["id"] for row in chosen)
        for rank in range(world):
            share = chosen.epoch(epoch, seed=seed, rank=rank, world=world)
            assert ids(share) == wanted[rank::world] == scans.ids(con, path, **arguments, rank=rank, world=world)
            batches = list(share.batches(batch_size))
            assert [row["id"] for batch in batches for row in chosen[batch]] == wanted[rank::world]
            assert len(batches) == share.count(batch_size)
            even = list(share.batches(batch_size, drop_last=True))
            assert {len(batch) for batch in even} <= {batch_size}
            assert len(even) == share.count(batch_size, drop_last=True) == len(wanted) // (world * batch_size)
    # Stopped after some rows a rank, and gone on with another number of ranks.
    taken = data.draw(st.integers(0, len(wanted) // world))
    state = chosen.epoch(epoch, seed=seed, world=world).state(taken)
    ranks = data.draw(st.integers(1, 4))
    rest = [ids(resumed(chosen, state, rank=rank, world=ranks)) for rank in range(ranks)]
    assert rest == [wanted[taken * world :][rank::ranks] for rank in range(ranks)]


def test_a_share_that_is_none_is_an_error(source: Source) -> None:
    with pytest.raises(InvalidInputError, match="rank 2 of world 2"):
        source.epoch(rank=2, world=2)
    with pytest.raises(InvalidInputError, match="epoch -1"):
        source.epoch(-1)
    with pytest.raises(InvalidInputError, match="position 99999 is not in an epoch"):
        source.epoch(position=99999)
    with pytest.raises(InvalidInputError, match="a batch has at least one row"):
        list(source.epoch().batches(0))


def test_a_state_of_another_version_is_refused(source: Source) -> None:
    state = source.epoch(3, seed=1).state(10)
    assert set(state) == {"fingerprint", "seed", "epoch", "position"}
    with pytest.raises(InvalidInputError, match="is of another version or query"):
        resumed(open_dataset(source.root, where="id > 3"), state)
