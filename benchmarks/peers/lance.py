"""Lance: a columnar format with versions; its own SQL for queries, DuckDB only makes the rows to write."""

from __future__ import annotations

from typing import Any

import duckdb
import lance
import pyarrow as pa

from peers.peer import Peer


class Lance(Peer):
    """A Lance dataset a table; row ids are stable, so that changes between versions can be told."""

    name = "lance"
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
