"""open_dataset: the rows of a version as a sequence, for training loops.

    source = open_dataset("scans", version="v3", columns=["image", "label"], where="label IS NOT NULL")
    source[5]            # {"image": b"…", "label": 3}
    source[[5, 2, 5]]    # a list of three

It is what every framework's adapter in space_sql.training is made of. The version is resolved once, when it is
opened; what others commit, compact or expire later changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from space_sql.dataset import engine
from space_sql.errors import FormatError, InvalidInputError, NotFoundError, SpaceError
from space_sql.format.state import State
from space_sql.storage.records import RecordFiles
from space_sql.training.arrow import reader
from space_sql.training.decode import Decode, Decoder, decoders
from space_sql.training.epoch import Epoch
from space_sql.training.index import Index, Numbers, Records, load
from space_sql.training.query import Query, query
from space_sql.training.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa


class Source(Rows):
    """Random access to the rows of a query; made by `open_dataset`.

    A sequence of dicts from column to value. It may be pickled, which takes a few hundred bytes, and used in
    several threads, in forked and in spawned processes.
    """

    def __init__(self, query: Query, decode: Decode) -> None:
        self._query = query
        self._index: Index | None = None
        held = self._load()
        self._rows = held.rows
        self._decoders = decoders(decode, held)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What is read: ``dataset_id, snapshot_id, columns, where, order_by`` and their ``sha256``.

        Log it with a model: from the same fingerprint, seed and epoch comes the same order of the same rows.
        """
        return self._query.fingerprint

    @property
    def snapshot_id(self) -> int:
        """The snapshot that is read."""
        return self._query.snapshot_id

    @property
    def root(self) -> str:
        """The dataset's folder."""
        return self._query.root

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self._query.columns

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"<{self._rows} rows of {self._query.root}, snapshot {self.snapshot_id}: {', '.join(self.columns)}>"

    def _take(self, rows: Numbers) -> dict[str, list[Any]]:
        held = self._load()
        files = RecordFiles(self._query.root)
        out: dict[str, list[Any]] = {}
        for name, column in held.columns.items():
            if isinstance(column, Records):
                try:
                    out[name] = column.take(files, rows)
                except NotFoundError as error:
                    self._query.state()  # says so, when it is the snapshot that went away
                    raise error
                except UnicodeDecodeError as error:
                    raise FormatError(f'a record of "{name}" in {self._query.root} is not text: {error}') from error
            else:
                out[name] = column.take(rows)
        for name, decoder in self._decoders.items():
            out[name] = self._decoded(held, name, decoder, rows, out[name])
        return out

    def _reader(self, numbers: Numbers, batch_rows: int) -> pa.RecordBatchReader:
        return reader(self._load(), RecordFiles(self._query.root), numbers, batch_rows)

    def _found(self) -> tuple[str, Index, Numbers]:
        return self.root, self._load(), np.arange(self._rows)

    def epoch(self, epoch: int = 0, *, seed: int = 0, rank: int = 0, world: int = 1, position: int = 0) -> Epoch:
        """The rows in the order of an epoch, or a rank's share of them: see Epoch."""
        return Epoch(self, seed=seed, epoch=epoch, rank=rank, world=world, position=position)

    # -- decoding -----------------------------------------------------------------------------

    def _decoded(self, held: Index, name: str, decoder: Decoder, rows: Numbers, values: list[Any]) -> list[Any]:
        out: list[Any] = []
        for row, value in zip(rows.tolist(), values, strict=True):
            try:
                out.append(None if value is None else decoder.call(value))
            except ImportError:
                raise
            except Exception as error:
                raise self._failed(held, name, decoder, row, error) from error
        return out

    def _failed(self, held: Index, name: str, decoder: Decoder, row: int, error: Exception) -> SpaceError:
        column = held.columns[name]
        place = f" ({column.address(row)})" if isinstance(column, Records) else ""
        reason = " ".join(str(error).split()) or type(error).__name__
        return FormatError(
            f'"{name}" of the row {self._key(row)} in {self._query.root}{place} cannot be decoded by {decoder.name}: '
            f"{reason}"
        )

    def _key(self, row: int) -> str:
        (found,) = engine.query(self._query.keys_sql(self._state(), row)).to_pylist()
        return ", ".join(f"{name} = {value}" for name, value in found.items())

    # -- what is kept -------------------------------------------------------------------------

    def _state(self) -> State:
        return self._query.state()

    def _load(self) -> Index:
        if self._index is None:
            self._index = load(self._query, self._state())
        return self._index

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": None}


def open_dataset(
    path: str | Path,
    version: str | int | None = None,
    columns: Sequence[str] | str | None = None,
    where: str | None = None,
    order_by: str | None = None,
    decode: Decode = False,
) -> Source:
    """The rows of a version, for training.

    Args:
        path: the dataset's folder.
        version: a snapshot id, tag, branch or ``branch~N``; omitted, the head of main. It is resolved now.
        columns: which columns, in this order; omitted, all of them.
        where: one SQL expression over a row, the same at every call; a record field is its address in it
            (``image.bytes > 1000``).
        order_by: terms of an ORDER BY, like ``label, id DESC``. Rows that are equal in it, and all rows without it,
            are ordered by their data file's number and their place in it: always the same for a snapshot.
        decode: True decodes the fields for which the dataset names a decoder; or a dict from column to ``'image'``,
            ``'numpy'``, ``'json'`` or a function of the value. Otherwise records are bytes.

    Raises:
        NotFoundError: no dataset at the path, or no such version or column.
        InvalidInputError: ``where`` or ``order_by`` is no such expression, or not the same at every call.
    """
    if where is not None and not isinstance(where, str):
        raise InvalidInputError("where is SQL, as text")
    return Source(query(path, version, columns, where, order_by), decode)
