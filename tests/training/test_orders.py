"""Grain, TensorFlow, Hugging Face and Ray give every rank the rows of SQL, once, in its order, also when resumed.

`make test-training`; SPACE_SQL_LONG=1 runs the long form. PyTorch's loader has its own: test_torch.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import space_sql
from space_sql.training import Epoch, Source, open_dataset, resumed
from tests.training import scans

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
pytestmark = pytest.mark.filterwarnings("ignore")

Read = Callable[[Epoch, int, int], list[int]]
"""The ids of a share in the order in which a framework gives them, with a batch size and a number of workers."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Datasets of several sizes, whole and with a condition and an order of their own."""
    made = []
    for rows in (3, 40, 77):
        path = tmp_path_factory.mktemp("orders") / f"rows_{rows}"
        scans.make(path, rows).close()
        made.append(open_dataset(path, columns=["id", "label"]))
        made.append(open_dataset(path, columns=["id"], where="label <> 2", order_by="label, id"))
    return made


def checked(sources: list[Source], data: st.DataObject, read: Read, most_workers: int = 3) -> None:
    """One example: the shares of all ranks, then those of other ranks that go on from the middle."""
    source = data.draw(st.sampled_from(sources))
    seed = data.draw(st.integers(-(2**63), 2**63 - 1))
    number, world = data.draw(st.integers(0, 9)), data.draw(st.integers(1, 4))
    batch, workers = data.draw(st.integers(1, 20)), data.draw(st.integers(0, most_workers))
    order = wanted(source, seed, number)
    for rank in range(world):
        share = source.epoch(number, seed=seed, rank=rank, world=world)
        assert read(share, batch, workers) == order[rank::world]
    taken = data.draw(st.integers(0, len(order) // world))
    state = source.epoch(number, seed=seed, world=world).state(taken)
    others = data.draw(st.integers(1, 4))
    for rank in range(others):
        rest = resumed(source, state, rank=rank, world=others)
        assert read(rest, batch, workers) == order[taken * world :][rank::others]


def wanted(source: Source, seed: int, epoch: int) -> list[int]:
    """The ids in the order of SQL, where the source is a whole version; else what the source itself has, shuffled."""
    if source.fingerprint["where"] is None:
        with space_sql.connect() as con:
            return scans.ids(con, Path(source.root), seed=seed, epoch=epoch)
    rows = [row["id"] for row in source]
    with space_sql.connect() as con:
        query = f"SELECT id FROM space_scan('{source.root}') WHERE label <> 2 ORDER BY label, id"
        assert rows == [number for (number,) in con.execute(query).fetchall()]
    return [rows[number] for number in source.epoch(epoch, seed=seed).rows(range(len(rows)))]


def examples(short: int, long: int) -> Any:
    """How many examples a framework gets."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=long if LONG else short, deadline=None, suppress_health_check=slow)


@examples(6, 60)
@given(data=st.data())
def test_grain(sources: list[Source], data: st.DataObject) -> None:
    grain = pytest.importorskip("grain", reason="make test-training")
    from space_sql.training import grain as adapter

    def read(share: Epoch, batch: int, workers: int) -> list[int]:
        if not len(share):
            return []
        options = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=2 * workers)
        single = adapter.map_dataset(share).to_iter_dataset(options)
        batches = adapter.map_dataset(share, batch).to_iter_dataset(options)
        found = [row["id"] for rows in batches for row in rows]
        assert [row["id"] for row in single] == found
        return found

    checked(sources, data, read)


def test_grain_in_processes(sources: list[Source]) -> None:
    grain = pytest.importorskip("grain", reason="make test-training")
    from space_sql.training import grain as adapter

    source = sources[4]
    for workers in (1, 2, 3):
        share = source.epoch(2, seed=5, rank=1, world=2)
        batches = adapter.map_dataset(share, 4).to_iter_dataset()
        batches = batches.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=1))
        assert [row["id"] for rows in batches for row in rows] == wanted(source, 5, 2)[1::2]


@examples(6, 60)
@given(data=st.data())
def test_tensorflow(sources: list[Source], data: st.DataObject) -> None:
    pytest.importorskip("tensorflow", reason="make test-training")
    from space_sql.training import tensorflow

    def read(share: Epoch, batch: int, workers: int) -> list[int]:
        if not len(share):
            return []
        batches = tensorflow.dataset(share, batch, parallel=workers + 1)
        return [int(number) for found in batches for number in found["id"].numpy()]

    checked(sources, data, read)


@examples(6, 60)
@given(data=st.data())
def test_hugging_face(sources: list[Source], data: st.DataObject) -> None:
    pytest.importorskip("datasets", reason="make test-training")
    torch = pytest.importorskip("torch", reason="make test-training")
    from space_sql.training import datasets

    def read(share: Epoch, batch: int, workers: int) -> list[int]:
        made = datasets.dataset(share)
        found = [number for rows in made.iter(batch) for number in rows["id"]]
        if len(share):
            loader = torch.utils.data.DataLoader(made, batch_size=batch, num_workers=workers)
            assert [int(number) for rows in loader for number in rows["id"]] == found
        return found

    checked(sources, data, read, most_workers=3 if LONG else 1)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="make test-training")
    root = str(Path(space_sql.__file__).parents[1])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": root}})
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    yield ray
    ray.shutdown()


@examples(2, 15)
@given(data=st.data())
def test_ray_data(ray: Any, sources: list[Source], data: st.DataObject) -> None:
    from space_sql.training import ray as adapter

    def read(share: Epoch, batch: int, workers: int) -> list[int]:
        if not len(share):
            return []
        made = adapter.dataset(share, override_num_blocks=workers + 1)
        return [int(number) for rows in made.iter_batches(batch_size=batch) for number in rows["id"]]

    checked(sources, data, read)
