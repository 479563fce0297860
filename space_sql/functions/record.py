"""space_record: records by their addresses."""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.dataset.dataset import folder
from space_sql.errors import InvalidInputError
from space_sql.storage.records import RecordFiles

_BATCH_BYTES = 4 << 30


def read(
    paths: Sequence[str | None], files: Sequence[str | None], rows: Sequence[int | None], sizes: Sequence[int | None]
) -> list[bytes | None]:
    """The records of some rows: dataset folder, record file, row in it and length of each."""
    total = sum(size for size in sizes if size is not None)
    if total > _BATCH_BYTES:
        raise InvalidInputError(
            f"{len(rows)} rows that DuckDB reads at once have {total:,} bytes of records: read fewer rows at a time, "
            "by LIMIT or a filter"
        )
    out: list[bytes | None] = [None] * len(rows)
    for path in set(paths):
        chosen = [i for i, given in enumerate(paths) if given == path and rows[i] is not None]
        if chosen:
            records = RecordFiles(folder(path)).read_many(
                [files[i] for i in chosen], [rows[i] for i in chosen], [sizes[i] for i in chosen]
            )
            for i, record in zip(chosen, records, strict=True):
                out[i] = record
    return out
