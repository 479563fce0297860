"""Records as BLOBs in a Parquet file with small row groups, read by pyarrow; measured with records only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from peers.loaders import Taken, data_loader, shuffled
from peers.peer import Peer

_GROUP_ROWS = 64
"""Rows that are read together, of records of 16 KiB: a megabyte."""


class Parquet(Peer):
    """One file a table."""

    name = "parquet"

    def versions(self) -> dict[str, str]:
        """Of both."""
        return {"pyarrow": pa.__version__, "duckdb": duckdb.__version__}

    def create_records(self, table: str) -> None:
        """An empty folder."""
        self.drop(table)
        self.path(table).mkdir(parents=True)

    def append_records(self, table: str, source: str) -> None:
        """Row groups of a megabyte, not compressed, no dictionaries for the records."""
        reader = self.con.sql(f"FROM {source}").to_arrow_reader(_GROUP_ROWS)
        with pq.ParquetWriter(self._file(table), reader.schema, compression="none", use_dictionary=["label"]) as writer:
            for batch in reader:
                for at in range(0, len(batch), _GROUP_ROWS):
                    writer.write_batch(batch.slice(at, _GROUP_ROWS), row_group_size=_GROUP_ROWS)

    def _file(self, table: str) -> str:
        return str(self.path(table) / "rows.parquet")

    def load_addresses(self, table: str) -> None:
        """Rows were written in the order of their ids."""

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """Take by number."""
        found: list[bytes] = _opened(self._file(table))(list(ids))
        return found

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """Take each batch by number."""
        rows, total = ds.dataset(self._file(table)), 0
        for numbers in shuffled(rows.count_rows(), seed, batch):
            found = rows.take(numbers, columns=["label", "image"]).to_pylist()
            total += sum(len(row["image"]) for row in found)
        return total

    def rows(self, table: str) -> int:
        """Row groups one after the other."""
        batches = pq.ParquetFile(self._file(table)).iter_batches(1024, columns=["label", "image"])
        return sum(len(row["image"]) for batch in batches for row in batch.to_pylist())

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """A dataset that takes a batch; its workers are spawned, since Arrow runs threads."""
        if workers not in self._loaders:
            rows = Taken(_opened, self._file(table), ds.dataset(self._file(table)).count_rows())
            self._loaders[workers] = data_loader(rows, batch, workers, spawn=True)
        return sum(part.numel() for part in self._loaders[workers])

    @cached_property
    def _loaders(self) -> dict[int, Any]:
        return {}


def _opened(path: str) -> Any:
    rows = ds.dataset(path)
    return lambda numbers: rows.take(numbers, columns=["image"])["image"].to_pylist()
