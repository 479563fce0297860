"""Records looked at again: every address of a data file, read and hashed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from space_sql.dataset.hashing import record_hash
from space_sql.errors import SpaceError
from space_sql.format.data_file import DataFile
from space_sql.format.records import ADDRESS
from space_sql.storage.records import RecordFiles

_FIELDS = [name for name, _ in ADDRESS.fields]


class RecordCheck:
    """What is wrong with the records that a data file's rows point at; one finding a record file."""

    def __init__(self, root: Path, file: DataFile) -> None:
        self._records = RecordFiles(root)
        self._listed = {record.path: record for record in file.records}
        self._used: Counter[str] = Counter()
        self._problems: dict[str, str] = {}

    def take(self, rows: pa.RecordBatch) -> None:
        """Read the records of some rows."""
        for column in rows.columns if self._listed else ():
            if pa.types.is_struct(column.type) and [field.name for field in column.type] == _FIELDS:
                for address in column:
                    self._look(address.as_py())

    def _look(self, address: dict[str, object] | None) -> None:
        path = str(address["file"]) if address is not None else ""
        if address is None or path not in self._listed:
            return
        self._used[path] += 1
        if path in self._problems:
            return
        row = int(str(address["row"]))
        try:
            record = self._records.read(path, row, int(str(address["bytes"])))
        except SpaceError as error:
            self._problems[path] = error.message
            return
        if record_hash(record) != address["hash"]:
            self._problems[path] = f"record {row} is not the one that was written"

    def found(self) -> Iterator[tuple[str, str]]:
        """Record files with a problem, and what it is."""
        for path, listed in self._listed.items():
            if path not in self._problems:
                try:
                    rows = self._records.count(path)
                except SpaceError as error:
                    self._problems[path] = error.message
                else:
                    if (rows, self._used[path]) != (listed.rows, listed.used):
                        self._problems[path] = (
                            f"it has {rows} records, of which {self._used[path]} are used; the log says {listed.rows} "
                            f"and {listed.used}"
                        )
        yield from self._problems.items()
