"""Rows on their way into data files: collected from several threads, converted, written in large groups."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from space_sql.dataset.convert import Converter
from space_sql.dataset.leaves import empty_leaves
from space_sql.dataset.recording import Recorder
from space_sql.dataset.scan import FILE, POS
from space_sql.format.data_file import DataFile
from space_sql.format.records import RecordFile, placed
from space_sql.format.schema import Column
from space_sql.storage.parquet import ROW_GROUP_BYTES, ROW_GROUP_ROWS, DataWriter


class Staging:
    """Rows being written. ``converter`` None keeps positions only (a delete writes no rows)."""

    def __init__(
        self,
        root: Path,
        change: str,
        converter: Converter | None,
        columns: Sequence[Column],
        *,
        positions: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._ready: list[pa.Table] = []
        self._writer = DataWriter(root, change)
        self._converter = converter
        self._columns = columns
        self._with_positions = positions
        self._positions: list[pa.Table] = []
        self._waiting: list[pa.Array] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._collect = threading.Lock()
        self._write = threading.Lock()

    def add(self, rows: pa.ChunkedArray | pa.StructArray) -> None:
        """Take rows as Arrow structs of the source's columns; any thread may call it."""
        chunks = rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows]
        with self._collect:
            self._waiting.extend(chunks)
            self._waiting_rows += sum(len(chunk) for chunk in chunks)
            self._waiting_bytes += sum(chunk.nbytes for chunk in chunks)
            full = self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES
            batch = self._take() if full else []
        if batch:
            self._flush(batch)

    def _take(self) -> list[pa.Array]:
        batch, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        return batch

    def _flush(self, batch: list[pa.Array]) -> None:
        table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(chunk) for chunk in batch])
        with self._write:
            if self._recorder is not None:
                self._record(table, self._recorder)
                return
            self._keep_positions(table)
            if self._converter is not None:
                self._writer.write(_as_stored(self._converter.convert(table), self._columns))

    def _keep_positions(self, table: pa.Table) -> None:
        if self._with_positions:
            self._positions.append(table.select([FILE, POS]).rename_columns(["file", "pos"]))

    def _record(self, table: pa.Table, recorder: Recorder) -> None:
        """Write records; rows wait until they are many, since without their records they are small."""
        assert self._converter is not None
        stored, keep = recorder.store(table, self._converter.convert(table))
        if keep is not None:
            table, stored = table.filter(keep), stored.filter(keep)
        self._keep_positions(table)
        self._ready.append(_copied(stored))
        if sum(map(len, self._ready)) >= ROW_GROUP_ROWS or sum(t.nbytes for t in self._ready) >= ROW_GROUP_BYTES:
            self._write_ready()

    def _write_ready(self) -> None:
        ready, self._ready = self._ready, []
        if ready:
            self._writer.write(pa.concat_tables(ready))

    def finish(self, *, sync: bool) -> list[DataFile]:
        """Write what waits and close the files."""
        with self._collect:
            batch = self._take()
        if batch:
            self._flush(batch)
        self._write_ready()
        known = self._recorder.finish(sync=sync) if self._recorder is not None else {}
        self._writer.close(sync=sync)
        return [described(file, metadata, self._columns, known) for file, metadata in self._writer.written]

    @property
    def record_paths(self) -> frozenset[str]:
        """Paths of the record files that were written."""
        return self._recorder.paths if self._recorder is not None else frozenset()

    @property
    def positions(self) -> pa.Table:
        """Positions of the rows that were staged: ``file``, ``pos``."""
        schema = pa.schema([("file", pa.int64()), ("pos", pa.int64())])
        return pa.concat_tables([pa.Table.from_batches([], schema), *(t.cast(schema) for t in self._positions)])

    def abort(self) -> None:
        """Remove what was written."""
        with self._write:
            self._writer.abort()
            if self._recorder is not None:
                self._recorder.abort()


def _copied(table: pa.Table) -> pa.Table:
    """The table in memory of its own: a column that DuckDB handed over keeps its whole batch alive, records too."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _as_stored(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The table under the names that columns have in data files."""
    if all(column.stored_name == column.name for column in columns):
        return table
    fields = [f.with_name(c.stored_name) for f, c in zip(table.schema, columns, strict=True)]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def described(
    file: DataFile, metadata: pq.FileMetaData, columns: Sequence[Column], known: Mapping[str, RecordFile]
) -> DataFile:
    """The file's entry with its columns, its JSON leaves without any value, and the record files that it uses."""
    ids = {column.stored_name: str(column.id) for column in columns}
    leaves = empty_leaves(metadata, [(column.stored_name, column.type) for column in columns])
    return replace(
        file,
        columns={column.id: column.mark for column in columns},
        empty=tuple((ids[path[0]], *path[1:]) for path in leaves),
        records=placed({record.path: record.used for record in file.records}, known),
    )
