"""TFDS features: records that are nested dictionaries of arrays, in the serialisation of tensorflow_datasets.

    features = tensorflow_datasets.features.FeaturesDict({"image": …, "box": {"corners": …, "label": …}})
    record_options = {"example": {"decode": "tfds", "features": tfds.spec(features)}}

The specification is kept in the dataset's schema, so ``open_dataset(…, decode=True)`` gives the dictionaries back.
It names classes, and only those of tensorflow_datasets itself are accepted, when it is stored and when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from space_sql.dataset.dataset import open_dataset
from space_sql.errors import FormatError, InvalidInputError
from space_sql.format.records import check_features
from space_sql.training.extra import needs


def spec(features: Any) -> str:
    """The specification of features as JSON text, for ``features`` in ``record_options``.

    Args:
        features: a ``tensorflow_datasets.features.FeatureConnector``, or a dict of such, as for a ``FeaturesDict``.

    Raises:
        InvalidInputError: a feature is of a class that is not tensorflow_datasets' own.
    """
    with needs("tfds"):
        from google.protobuf import json_format

    text = orjson.dumps(json_format.MessageToDict(_connector(features).to_proto()), option=orjson.OPT_SORT_KEYS)
    check_features("features", text.decode())
    return text.decode()


def serialized(features: Any, examples: Iterable[Any]) -> list[bytes]:
    """Examples as records.

    Args:
        features: what ``spec`` was given, or what ``features`` gives.
        examples: nested dicts of arrays, as ``features`` says.

    Raises:
        InvalidInputError: an example does not match; tells which and why.
    """
    connector = _connector(features)
    out = []
    for number, example in enumerate(examples):
        try:
            out.append(connector.serialize_example(connector.encode_example(example)))
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InvalidInputError(f"example {number} does not match its features: {reason}") from error
    return out


def features(path: str | Path, field: str, version: str | int | None = None) -> Any:
    """The features of a record field, from the dataset's schema, as a ``FeatureConnector``.

    Raises:
        NotFoundError: no dataset at the path, or no such version or column.
        InvalidInputError: the column is not decoded by ``tfds``.
    """
    view = open_dataset(str(path)).view()
    column = view.state(view.resolve(None if version is None else str(version))).schema.column(field)
    return Example(column.name, column.record.features if column.record is not None else None).features


class Example:
    """Decodes the records of a field. It is pickled as its specification."""

    def __init__(self, name: str, features: str | None) -> None:
        if features is None:
            raise InvalidInputError(
                f'the dataset has no features for "{name}": record_options name them, see tfds.spec'
            )
        try:
            check_features(name, features)
        except InvalidInputError as error:
            raise FormatError(error.message) from error
        self._text = features
        self._features: Any = None

    @property
    def features(self) -> Any:
        """The ``FeatureConnector``."""
        if self._features is None:
            with needs("tfds"):
                import tensorflow_datasets
                from google.protobuf import json_format
                from tensorflow_datasets.core.proto import feature_pb2

            told = json_format.ParseDict(orjson.loads(self._text), feature_pb2.Feature())
            self._features = tensorflow_datasets.features.FeatureConnector.from_proto(told)
        return self._features

    def __call__(self, record: bytes) -> Any:
        """The nested dict of arrays."""
        return self.features.deserialize_example_np(record)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_features": None}


def _connector(features: Any) -> Any:
    with needs("tfds"):
        import tensorflow_datasets

    connector = tensorflow_datasets.features.FeatureConnector
    return features if isinstance(features, connector) else tensorflow_datasets.features.FeaturesDict(features)
