"""space_files: the data files of a version, with statistics."""

from __future__ import annotations

from space_sql.dataset.session import Session
from space_sql.format.data_file import FILES_PER_COMMIT
from space_sql.functions.table import table_sql

COLUMNS = {
    "file": "VARCHAR",
    "row_count": "BIGINT",
    "deleted_count": "BIGINT",
    "file_size_bytes": "BIGINT",
    "snapshot_id": "BIGINT",
    "statistics": "JSON",
    "record_files": 'STRUCT("file" VARCHAR, row_count BIGINT, used_count BIGINT, file_size_bytes BIGINT)[]',
}


def read(session: Session, path: str | None, version: str | None) -> str:
    """SQL for the live data files; ``statistics`` maps a column to its min, max and nulls."""
    view = session.view(path)
    state = view.state(view.resolve(version, session.branch))
    names = {c.id: c.name for c in state.schema.columns}
    rows = (
        {
            "file": f.path,
            "row_count": f.rows,
            "deleted_count": f.deleted,
            "file_size_bytes": f.bytes,
            "snapshot_id": f.number // FILES_PER_COMMIT,
            "statistics": {
                names[i]: {"min": s[0], "max": s[1], "nulls": s[2]} for i, s in f.stats.items() if i in names
            },
            "record_files": [
                {"file": r.path, "row_count": r.rows, "used_count": r.used, "file_size_bytes": r.bytes}
                for r in f.records
            ],
        }
        for f in state.files.values()
    )
    return table_sql(COLUMNS, rows)
