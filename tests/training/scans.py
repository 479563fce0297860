"""A dataset with a record field, for the tests of training."""

from __future__ import annotations

from pathlib import Path

import duckdb

import space_sql


def make(path: Path, rows: int, *, changes: bool = True) -> duckdb.DuckDBPyConnection:
    """A dataset in several files, with deleted and updated rows and NULL records; and a connection to it."""
    con = space_sql.connect()
    con.execute("SET VARIABLE space_sync = false")
    con.execute(
        f"CALL space_create('{path}', primary_keys => ['id'], record_fields => ['image', 'note'], columns => "
        "'id BIGINT, label INTEGER, image BLOB, score DOUBLE, note VARCHAR, tags VARCHAR[], big HUGEINT, "
        "seen TIMESTAMPTZ')"
    )
    for part in range(3):
        con.execute(
            f"CALL space_append('{path}', $$SELECT range AS id, (range % 5)::INTEGER AS label, "
            "CASE WHEN range % 7 > 0 THEN repeat('x', (range % 11)::INTEGER)::BLOB END AS image, "
            "CASE WHEN range % 4 > 0 THEN range / 3 END AS score, 'note ' || range AS note, "
            "['a', 'b' || range] AS tags, "
            "range::HUGEINT * 100000000000000000000 AS big, make_timestamptz(range * 1000000) AS seen "
            f"FROM range({rows * part // 3}, {rows * (part + 1) // 3})$$)"
        )
    if changes:
        con.execute(f"CALL space_update('{path}', 'label = 9', 'id % 13 = 4')")
        con.execute(f"CALL space_delete('{path}', 'id % 17 = 3')")
    return con


def ids(con: duckdb.DuckDBPyConnection, path: Path, **arguments: object) -> list[int]:
    """The ids in the order of an epoch, from SQL."""
    given = "".join(f", {name} => {value!r}" for name, value in arguments.items())
    return [number for (number,) in con.execute(f"SELECT id FROM space_epoch('{path}'{given})").fetchall()]
