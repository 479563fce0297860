"""Hugging Face datasets: Arrow files that are mapped into memory; measured with records only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import datasets
import duckdb
import pyarrow as pa

from peers.loaders import Taken, data_loader, shuffled
from peers.peer import Peer


class Datasets(Peer):
    """A dataset saved to disk and loaded from there."""

    name = "datasets"

    def connect(self) -> Any:
        """A connection for sources; datasets are kept open."""
        self._open: dict[str, Any] = {}
        return super().connect()

    def versions(self) -> dict[str, str]:
        """Of all that work."""
        return {"datasets": datasets.__version__, "pyarrow": pa.__version__, "duckdb": duckdb.__version__}

    def create_records(self, table: str) -> None:
        """Nothing is there before the rows are."""
        self.drop(table)

    def append_records(self, table: str, source: str) -> None:
        """Its own Arrow files."""
        rows = pa.Table.from_batches(self.con.sql(f"FROM {source}").to_arrow_reader(1024))
        datasets.disable_progress_bars()
        datasets.Dataset(rows).save_to_disk(str(self.path(table)))
        self._open[table] = datasets.load_from_disk(str(self.path(table)))

    def load_addresses(self, table: str) -> None:
        """Rows were written in the order of their ids."""

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """By number."""
        return list(self._open[table].select_columns(["image"])[list(ids)]["image"])

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """Each batch by its numbers, as dicts."""
        rows, total = self._open[table].select_columns(["label", "image"]), 0
        for numbers in shuffled(len(rows), seed, batch):
            total += sum(len(row["image"]) for row in rows.__getitems__(numbers))
        return total

    def rows(self, table: str) -> int:
        """Iteration."""
        return sum(len(row["image"]) for row in self._open[table].select_columns(["label", "image"]))

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """A dataset that reads a batch at once."""
        if workers not in self._loaders:
            rows = Taken(_opened, str(self.path(table)), len(self._open[table]))
            self._loaders[workers] = data_loader(rows, batch, workers)
        return sum(part.numel() for part in self._loaders[workers])

    @cached_property
    def _loaders(self) -> dict[int, Any]:
        return {}


def _opened(path: str) -> Any:
    found = datasets.load_from_disk(path).select_columns(["image"])
    return lambda numbers: found[numbers]["image"]
