"""PyTorch's DataLoader over a version: `make test-training`; SPACE_SQL_LONG=1 runs the long form."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import space_sql
from space_sql.training import Source, open_dataset
from tests.training import scans

torch = pytest.importorskip("torch", reason="make test-training")

from torch.utils.data import DataLoader  # noqa: E402

from space_sql.training import torch as adapter  # noqa: E402

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("torch") / "ds"
    scans.make(path, 90).close()
    return open_dataset(path, columns=["id", "label"])


def wanted(source: Source, **arguments: object) -> list[int]:
    with space_sql.connect() as con:
        return scans.ids(con, Path(source.root), **arguments)


def ids(batches: object) -> list[int]:
    return [int(number) for batch in batches for number in batch["id"]]  # type: ignore[attr-defined]


@settings(max_examples=40 if LONG else 4, deadline=None)
@given(
    seed=st.integers(0, 2**62),
    world=st.integers(1, 4),
    workers=st.integers(0, 3),
    batch_size=st.integers(1, 20),
    data=st.data(),
)
def test_every_loader_gives_the_rows_of_sql_in_its_order_also_when_resumed(
    source: Source, seed: int, world: int, workers: int, batch_size: int, data: st.DataObject
) -> None:
    order = wanted(source, seed=seed)
    for rank in range(world):
        share = source.epoch(0, seed=seed, rank=rank, world=world)
        batches = adapter.Batches(share, batch_size)
        loader = adapter.loader(source, batch_size, seed=seed, rank=rank, world=world, num_workers=workers)
        assert ids(loader) == order[rank::world]
        assert ids(DataLoader(batches, batch_size=None, num_workers=workers)) == order[rank::world]
        assert ids(DataLoader(share, batch_size=batch_size, num_workers=workers)) == order[rank::world]
        assert len(batches) == len(list(batches))
    stop = data.draw(st.integers(0, len(order) // world // batch_size))
    loaders = [
        adapter.loader(source, batch_size, seed=seed, rank=rank, world=world, num_workers=workers)
        for rank in range(world)
    ]
    for loader in loaders:
        for _ in zip(range(stop), loader, strict=False):
            pass
    states = [loader.state_dict() for loader in loaders]
    assert all(state == states[0] for state in states)
    ranks = data.draw(st.integers(1, 4))
    for rank in range(ranks):
        loader = adapter.loader(source, 3, rank=rank, world=ranks, num_workers=workers)
        loader.load_state_dict(states[0])
        assert ids(loader) == order[stop * batch_size * world :][rank::ranks]
        assert ids(loader) == wanted(source, seed=seed, epoch=1)[rank::ranks]


def test_a_loop_that_was_left_goes_on_where_it_was(source: Source) -> None:
    loader = adapter.loader(source, 8, seed=1)
    head = ids(itertools.islice(loader, 3))
    assert len(head) == 24
    assert head + ids(loader) == wanted(source, seed=1)
    loader.set_epoch(0)
    assert ids(loader) == wanted(source, seed=1)


def test_workers_that_stay_see_every_epoch(source: Source) -> None:
    loader = adapter.loader(source, 8, seed=5, num_workers=2, persistent_workers=True)
    for epoch in range(3):
        assert ids(loader) == wanted(source, seed=5, epoch=epoch)


def test_spawned_workers_open_the_version_again(source: Source) -> None:
    loader = adapter.loader(source, 16, seed=5, num_workers=1, multiprocessing_context="spawn")
    assert ids(loader) == wanted(source, seed=5)


def test_drop_last_gives_every_rank_as_many_batches(source: Source) -> None:
    loaders = [adapter.loader(source, 7, rank=rank, world=4, drop_last=True) for rank in range(4)]
    shares = [ids(loader) for loader in loaders]
    assert {len(share) for share in shares} == {len(source) // 28 * 7}
    assert len(set(itertools.chain(*shares))) == len(source) // 28 * 28


def test_transform_is_called_for_every_row(source: Source) -> None:
    loader = adapter.loader(source, 8, transform=lambda row: torch.tensor([row["id"], row["label"]]))
    assert all(batch.shape[1:] == (2,) for batch in loader)


def test_map_style_reads_by_number(source: Source) -> None:
    rows = adapter.Map(source, transform=lambda row: row["id"])
    assert rows[3] == source[3]["id"]
    assert rows.__getitems__([3, 1, 3]) == [source[number]["id"] for number in (3, 1, 3)]
    assert len(rows) == len(source)
