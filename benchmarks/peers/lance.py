"""Lance: a columnar format with versions; its own SQL for queries, DuckDB only makes the rows to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import duckdb
import lance
import pyarrow as pa

from peers.loaders import Taken, data_loader, shuffled
from peers.peer import Peer


class Lance(Peer):
    """A Lance dataset a table; row ids are stable, so that changes between versions can be told."""

    name = "lance"
    keeps_records = True
    partial = frozenset({"changes"})

    def connect(self) -> Any:
        """A connection for sources; datasets are kept open."""
        self._open: dict[str, Any] = {}
        return super().connect()

    def versions(self) -> dict[str, str]:
        """Of both."""
        return {"pylance": lance.__version__, "pyarrow": pa.__version__, "duckdb": duckdb.__version__}

    def relation(self, table: str) -> str:
        """The name that its SQL gives a dataset."""
        return "dataset"

    def query(self, table: str, sql: str) -> Any:
        """Lance's own SQL."""
        return [tuple(row.values()) for batch in self._batches(table, sql) for row in batch.to_pylist()]

    def arrow(self, table: str, sql: str) -> Any:
        """Lance's own SQL."""
        return pa.Table.from_batches(self._batches(table, sql))

    def _batches(self, table: str, sql: str) -> Any:
        return self._open[table].sql(sql.format(t="dataset")).build().to_batch_records()

    def create(self, table: str) -> None:
        """An empty dataset."""
        self.drop(table)
        empty = self._rows("(SELECT * FROM source LIMIT 0)")
        self._open[table] = lance.write_dataset(empty, str(self.path(table)), enable_stable_row_ids=True)

    def _rows(self, source: str) -> Any:
        return self.con.sql(f"FROM {source}").to_arrow_reader(65_536)

    def append(self, table: str, source: str) -> None:
        """One more fragment."""
        self._open[table] = lance.write_dataset(self._rows(source), self._open[table], mode="append")

    def append_parts(self, table: str, source: str, parts: int, batch: int) -> list[float]:
        """One write of many small files."""
        rows = self._rows(f"(FROM {source} WHERE id < {parts * batch})")
        self._open[table] = lance.write_dataset(rows, self._open[table], mode="append", max_rows_per_file=batch)
        return []

    # -- records --------------------------------------------------------------------------------

    def create_records(self, table: str) -> None:
        """Nothing is there before the rows are."""
        self.drop(table)

    def append_records(self, table: str, source: str) -> None:
        """Rows with their records as large binary values."""
        rows = self.con.sql(f"SELECT * REPLACE (image::BLOB AS image) FROM {source}").to_arrow_reader(1024)
        self._open[table] = lance.write_dataset(rows, str(self.path(table)))

    def record(self, table: str, id: int) -> bytes:
        """By its own SQL."""
        ((image,),) = self.query(table, f"SELECT image FROM {{t}} WHERE id = {id}")
        return bytes(image)

    def load_addresses(self, table: str) -> None:
        """Rows were written in the order of their ids."""

    def records(self, table: str, ids: Sequence[int]) -> Sequence[bytes]:
        """Take by number."""
        found: list[bytes] = self._open[table].take(list(ids), columns=["image"])["image"].to_pylist()
        return found

    def epoch(self, table: str, seed: int, batch: int) -> int:
        """Take each batch by number."""
        take, total = self._open[table].take, 0
        for numbers in shuffled(self._open[table].count_rows(), seed, batch):
            rows = take(numbers, columns=["label", "image"]).to_pylist()
            total += sum(len(row["image"]) for row in rows)
        return total

    def rows(self, table: str) -> int:
        """Its own scan, 1,024 rows at a time."""
        batches: Iterator[Any] = self._open[table].to_batches(columns=["label", "image"], batch_size=1024)
        return sum(len(row["image"]) for batch in batches for row in batch.to_pylist())

    def loaded(self, table: str, seed: int, batch: int, workers: int) -> int:
        """A dataset that takes batches; its workers are spawned, since Lance runs threads that a fork leaves behind."""
        if workers not in self._loaders:
            rows = Taken(_opened, str(self.path(table)), self._open[table].count_rows())
            self._loaders[workers] = data_loader(rows, batch, workers, spawn=True)
        return sum(part.numel() for part in self._loaders[workers])

    @cached_property
    def _loaders(self) -> dict[int, Any]:
        return {}

    def delete(self, table: str, predicate: str) -> None:
        """By predicate."""
        self._open[table].delete(predicate)

    def upsert(self, table: str, source: str) -> None:
        """Merge by id."""
        merge = self._open[table].merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(self._rows(source))

    def update(self, table: str, column: str, expression: str, predicate: str) -> None:
        """By predicate."""
        self._open[table].update({column: expression}, where=predicate)

    def version(self, table: str) -> Any:
        """The version that is open."""
        return self._open[table].version

    def changes(self, table: str, older: Any, newer: Any) -> Any:
        """Inserted and updated rows; not the deleted ones, which it does not give."""
        delta = self._open[table].delta(begin_version=older, end_version=newer)
        parts = []
        for kind, reader in (("insert", delta.get_inserted_rows()), ("update", delta.get_updated_rows())):
            rows = pa.Table.from_batches(reader)
            parts.append(rows.append_column("change_type", pa.array([kind] * len(rows), pa.string())))
        return pa.concat_tables(parts)

    def count_at_open(self, table: str) -> Any:
        """Open and count."""
        return [(lance.dataset(str(self.path(table))).count_rows(),)]

    def cold(self, table: str) -> str:
        """Import, open, scan."""
        return (
            f'import lance\nds = lance.dataset("{self.path(table)}")\n'
            "print([tuple(b.to_pylist()[0].values()) for b in "
            'ds.sql("SELECT count(*), sum(id) FROM dataset").build().to_batch_records()])'
        )


def _opened(path: str) -> Any:
    """What reads records by number, in a process of its own."""
    found = lance.dataset(path)
    return lambda numbers: found.take(numbers, columns=["image"])["image"].to_pylist()
