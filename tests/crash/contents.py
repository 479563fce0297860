"""All that can be read of a dataset, to compare before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from space_sql.dataset import dataset as opened
from tests.concurrency.sql import call_sql, rows

Contents = dict[str, Any]


def contents(con: duckdb.DuckDBPyConnection, path: Path) -> Contents | None:
    """Refs, history without times, and the rows and columns of every ref; None where no dataset is.

    Nothing that this process knew of the dataset is used.
    """
    opened._open.clear()
    try:
        refs = con.execute(f"FROM {call_sql('space_refs', path)}").fetchall()
    except duckdb.Error as error:
        if "not-found: " in str(error):
            return None
        raise
    found: Contents = {"refs": sorted(refs)}
    found["history"] = con.execute(
        "SELECT snapshot_id, parent_id, branch, operation, rows_inserted, rows_updated, rows_deleted "
        f"FROM {call_sql('space_snapshots', path)}"
    ).fetchall()
    for name, _, snapshot_id in refs:
        columns = con.execute(
            f"SELECT column_name, column_type FROM {call_sql('space_schema', path, version=name)}"
        ).fetchall()
        found[name] = (columns, rows(con, path, version=name))
        assert found[name][1] == rows(con, path, version=str(snapshot_id))
    return found


def head(found: Contents | None) -> int:
    """The newest number of the log; -1 where no dataset is."""
    return int(found["history"][0][0]) if found else -1
