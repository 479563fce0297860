"""Records in the serialisation of tensorflow_datasets: `make test-training`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import space_sql
from space_sql.errors import FormatError, InvalidInputError
from space_sql.format.records import check_features
from space_sql.training import open_dataset, tfds

pytestmark = pytest.mark.filterwarnings("ignore")
CLASS = "tensorflow_datasets.core.features."


def described(inner: str, key: str = "pythonClassName") -> str:
    nested = {"features": {"a": {key: inner, "text": {}}}}
    return json.dumps({"pythonClassName": CLASS + "features_dict.FeaturesDict", "featuresDict": nested})


def test_a_specification_names_no_code_of_others() -> None:
    check_features("a", described(CLASS + "text_feature.Text"))
    for name in ("os.system", "my.features.Text", CLASS + "x;y", "tensorflow_datasets.scripts.cli.main"):
        for key in ("pythonClassName", "python_class_name"):
            with pytest.raises(InvalidInputError, match="is not a feature of tensorflow_datasets"):
                check_features("a", described(name, key))
    for wrong in ("{", "[]", "{}", None, '{"type": "os.system"}'):
        with pytest.raises(InvalidInputError, match="is the JSON text that"):
            check_features("a", wrong)


def test_a_specification_that_was_tampered_with_is_refused_when_it_is_read() -> None:
    with pytest.raises(FormatError, match=r"os\.system is not a feature"):
        tfds.Example("a", described("os.system"))


@pytest.fixture
def library() -> Any:
    return pytest.importorskip("tensorflow_datasets", reason="make test-training")


def spec(library: Any) -> Any:
    of = library.features
    return of.FeaturesDict(
        {
            "image": of.Image(shape=(4, 6, 1)),
            "label": of.ClassLabel(names=["cat", "dog"]),
            "objects": of.Sequence({"box": of.BBoxFeature(), "name": of.Text()}),
            "track": {"points": of.Tensor(shape=(None, 3), dtype=np.float32)},
        }
    )


def example(library: Any, number: int) -> dict[str, Any]:
    box = library.features.BBox(0.1, 0.2, 0.3, 0.4)
    return {
        "image": np.full((4, 6, 1), number, np.uint8),
        "label": number % 2,
        "objects": [{"box": box, "name": f"thing {n}"} for n in range(number)],
        "track": {"points": np.full((number, 3), number / 2, np.float32)},
    }


@pytest.fixture
def path(library: Any, tmp_path: Path) -> Path:
    features = spec(library)
    records = tfds.serialized(features, (example(library, number) for number in range(6)))
    with space_sql.connect() as con:
        con.register("rows", pa.table({"id": range(7), "example": pa.array([*records, None], pa.binary())}))
        con.execute(
            f"CALL space_create('{tmp_path / 'ds'}', source => 'rows', primary_keys => ['id'], "
            "record_fields => ['example'], record_options => {example: {decode: 'tfds', features: $1}})",
            [tfds.spec(features)],
        )
    return tmp_path / "ds"


def test_examples_come_back_as_they_were_written(library: Any, path: Path) -> None:
    source = open_dataset(path, order_by="id", decode=True)
    for rows in (source, pickle.loads(pickle.dumps(source))):
        for number in range(6):
            found, wanted = rows[number]["example"], example(library, number)
            assert found["image"].tolist() == wanted["image"].tolist()
            assert found["label"] == wanted["label"]
            assert list(found["objects"]["name"]) == [f"thing {n}".encode() for n in range(number)]
            assert np.asarray(found["objects"]["box"]).shape[0] == number
            assert found["track"]["points"].tolist() == wanted["track"]["points"].tolist()
        assert rows[6]["example"] is None


def _leaves(tree: Any) -> list[Any]:
    """The values of a nested dictionary in the order of their names."""
    return [leaf for _, value in sorted(tree.items()) for leaf in _leaves(value)] if isinstance(tree, dict) else [tree]


def test_the_features_are_those_of_the_schema(library: Any, path: Path) -> None:
    found = tfds.features(path, "EXAMPLE")
    assert tfds.spec(found) == tfds.spec(spec(library))
    (again,) = tfds.serialized(found, [example(library, 3)])  # as bytes two equal examples differ: a map has no order
    stored = open_dataset(path, order_by="id")[3]["example"]
    for written, read in zip(
        *(_leaves(found.deserialize_example_np(record)) for record in (again, stored)), strict=True
    ):
        assert np.asarray(written).tolist() == np.asarray(read).tolist()
    with pytest.raises(InvalidInputError, match='the dataset has no features for "id"'):
        tfds.features(path, "id")


def test_a_record_of_other_features_is_an_error_that_names_key_and_file(library: Any, path: Path) -> None:
    with space_sql.connect() as con:
        con.execute(f"CALL space_update('{path}', 'example = ''broken''::BLOB', 'id = 2')")
    with pytest.raises(FormatError) as caught:
        open_dataset(path, decode=True, where="id = 2")[0]
    assert '"example" of the row id = 2' in caught.value.line
    assert ".array_record, row 0) cannot be decoded by tfds" in caught.value.line


def test_an_example_that_does_not_match_is_told(library: Any) -> None:
    with pytest.raises(InvalidInputError, match="example 1 does not match its features"):
        tfds.serialized(spec(library), [example(library, 1), {**example(library, 2), "image": np.zeros((1, 1), "i8")}])
