"""Looking for texts in every file of a folder, compressed ones decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from array_record.python import array_record_module


def found(root: Path, markers: Iterable[str]) -> set[tuple[str, str]]:
    """Which markers are in which files."""
    wanted = [(m, m.encode()) for m in markers]
    out = set()
    for file in root.rglob("*"):
        if file.is_file():
            for raw in _contents(file):
                out |= {(marker, file.relative_to(root).as_posix()) for marker, text in wanted if text in raw}
    return out


def _contents(file: Path) -> Iterator[bytes]:
    yield file.read_bytes()
    if file.suffix == ".parquet":
        try:
            table = pq.read_table(file)
        except pa.ArrowInvalid:  # half of a file that a process left
            return
        yield "\n".join(str(column.to_pylist()) for column in table.columns).encode()
        yield str(pq.read_metadata(file).to_dict()).encode()
    elif file.suffix == ".array_record":
        reader = array_record_module.ArrayRecordReader(str(file))
        yield from reader.read(range(reader.num_records())) if reader.num_records() else ()
