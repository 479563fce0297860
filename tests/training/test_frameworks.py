"""Every other framework reads the rows of SQL in its order: `make test-training`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import space_sql
from space_sql.errors import InvalidInputError
from space_sql.training import Source, open_dataset
from tests.training import scans

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path_factory.mktemp("frameworks") / "ds"

    def png(number: int) -> bytes:
        file = io.BytesIO()
        image.fromarray(np.full((4, 6), number, np.uint8)).save(file, "PNG")
        return file.getvalue()

    rows = pa.table({"id": range(50), "name": [f"row {n}" for n in range(50)], "image": [png(n) for n in range(50)]})
    with space_sql.connect() as con:
        con.register("rows", rows)
        con.execute(
            f"CALL space_create('{path}', primary_keys => ['id'], source => 'rows', record_fields => ['image'], "
            "record_options => {image: {decode: 'image'}})"
        )
    return path


@pytest.fixture
def source(path: Path) -> Source:
    return open_dataset(path, decode=True)


@pytest.fixture
def order(path: Path) -> list[int]:
    with space_sql.connect() as con:
        return scans.ids(con, path, seed=3, epoch=1)


def test_tensorflow_gets_batches_in_order(source: Source, order: list[int]) -> None:
    pytest.importorskip("tensorflow", reason="make test-training")
    from space_sql.training import tensorflow

    seen = []
    for batch in tensorflow.dataset(source.epoch(1, seed=3), 8, parallel=3):
        assert batch["image"].shape[1:] == (4, 6)
        assert batch["image"].numpy()[:, 0, 0].tolist() == batch["id"].numpy().tolist()
        assert batch["name"].numpy().tolist() == [f"row {n}".encode() for n in batch["id"].numpy()]
        seen += batch["id"].numpy().tolist()
    assert seen == order
    whole = tensorflow.dataset(source.epoch(1, seed=3), 8, drop_last=True)
    assert [len(batch["id"]) for batch in whole] == [8] * 6
    assert whole.element_spec["image"].shape == (8, 4, 6)


def test_tensorflow_is_told_of_null(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="make test-training")
    from space_sql.training import tensorflow

    with space_sql.connect() as con:
        con.execute(
            f"CALL space_create('{tmp_path}/n', primary_keys => ['id'], source => 'SELECT 1 AS id, NULL::INT a')"
        )
    with pytest.raises(InvalidInputError, match='"a" is NULL in a row'):
        tensorflow.dataset(open_dataset(tmp_path / "n"), 2)


def test_grain_keeps_the_order(source: Source, order: list[int]) -> None:
    grain = pytest.importorskip("grain", reason="make test-training")
    from space_sql.training import grain as adapter

    epoch = source.epoch(1, seed=3)
    assert [row["id"] for row in adapter.map_dataset(epoch)] == order
    batches = adapter.map_dataset(epoch, 8).to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=4))
    assert [row["id"] for batch in batches for row in batch] == order
    loader = grain.DataLoader(
        data_source=source,
        sampler=grain.samplers.IndexSampler(len(source), shuffle=True, seed=1, num_epochs=1),
        worker_count=0,
    )
    assert sorted(row["id"] for row in loader) == sorted(order)


def test_hugging_face_reads_rows_as_they_are_looked_at(source: Source, order: list[int]) -> None:
    pytest.importorskip("datasets", reason="make test-training")
    from space_sql.training import datasets

    made = datasets.dataset(source.epoch(1, seed=3))
    assert [row["id"] for row in made] == order
    assert made[[4, 2]]["id"] == [order[4], order[2]]
    assert made[3]["image"].tolist() == np.full((4, 6), order[3]).tolist()
    assert sorted(made.shuffle(seed=1)[:]["id"]) == sorted(order)
    assert made.train_test_split(0.2)["test"].num_rows == 10
    mapped = made.map(lambda row: {"double": row["id"] * 2})
    assert mapped[3]["double"] == order[3] * 2
    assert mapped[3]["id"] == order[3]


def test_hugging_face_copies_into_its_own_files(path: Path, tmp_path: Path, order: list[int]) -> None:
    pytest.importorskip("datasets", reason="make test-training")
    from space_sql.training import datasets

    rows = open_dataset(path).epoch(1, seed=3)
    made = datasets.copied(rows, images=("image",), cache_dir=str(tmp_path))
    assert made["id"][:] == order
    assert np.asarray(made[3]["image"]).tolist() == np.full((4, 6), order[3]).tolist()


@pytest.fixture
def ray(tmp_path: Path) -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="make test-training")
    root = str(Path(space_sql.__file__).parents[1])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": root}})
    yield ray
    ray.shutdown()


def test_ray_data_reads_in_parts(ray: Any, path: Path) -> None:
    from space_sql.training import ray as adapter

    source = open_dataset(path)
    rows = adapter.dataset(source, override_num_blocks=5)
    assert rows.count() == 50
    assert sorted(rows.take_all(), key=lambda row: row["id"]) == source[:]


def test_polars_reads_the_arrow_stream(path: Path, order: list[int]) -> None:
    polars = pytest.importorskip("polars", reason="make test-training")
    frame = polars.DataFrame(open_dataset(path).epoch(1, seed=3))
    assert frame["id"].to_list() == order
