"""Data files and files of deleted positions that are missing, cut or changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, call_sql, kind_and_message, rows

pytestmark = pytest.mark.crash

DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-20]),
    "cut in the middle": lambda file: file.write_bytes(file.read_bytes()[:60]),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "text": lambda file: file.write_text("something else"),
}


def one_line_about(error: duckdb.Error, file: Path) -> None:
    """Our own ``kind: message``, or DuckDB's error of the scan, in one line that names the file."""
    first = str(error).split("\n", 1)[0]
    if not re.match(r"^(IO|Invalid Input|Serialization|Invalid) (Error|Exception): ", first) or re.match(
        r"^Invalid Input Error: [a-z-]+: ", first
    ):
        kind, first = kind_and_message(error)
        assert kind in ("storage", "format", "not-found")
    assert file.name in first, first
    assert "Traceback" not in str(error)


@pytest.fixture
def broken(ds: Path, reader: duckdb.DuckDBPyConnection, request: pytest.FixtureRequest) -> Path:
    """The one data file or file of deleted positions of main that was damaged."""
    call(reader, "space_overwrite", ds, "SELECT range AS id, 'n' || range AS label FROM range(5)")
    call(reader, "space_delete", ds, "id = 4")
    damage, what = request.param
    found = reader.execute(f"SELECT file FROM {call_sql('space_files', ds)}").fetchall()
    ((name,),) = found
    file = ds / name if what == "data" else max((ds / "deletes").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    DAMAGES[damage](file)
    return file


@pytest.mark.parametrize("broken", [(d, w) for w in ("data", "deletes") for d in DAMAGES], indirect=True, ids=str)
def test_a_damaged_file_fails_what_reads_it_in_one_line_and_nothing_is_lost(
    broken: Path, ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    log = sorted((ds / "log").iterdir())
    data = set((ds / "data").iterdir()) | set((ds / "deletes").iterdir())
    for statement in (
        f"FROM {call_sql('space_scan', ds)}",
        f"CALL {call_sql('space_update', ds, 'label = NULL', 'id < 3')}",
        f"CALL {call_sql('space_delete', ds, 'label IS NOT NULL')}",
        "CALL " + call_sql("space_upsert", ds, "SELECT 2 AS id, '7' AS label"),
        f"CALL {call_sql('space_insert', ds, 'SELECT 2 AS id')}",
    ):
        with pytest.raises(duckdb.Error) as error:
            reader.execute(statement).fetchall()
        one_line_about(error.value, broken)
    assert sorted((ds / "log").iterdir()) == log
    assert set((ds / "data").iterdir()) | set((ds / "deletes").iterdir()) == data
    assert len(rows(reader, ds, version="v1")) == 6, "other versions are still read"
    call(reader, "space_restore", ds, "v1")
    assert len(rows(reader, ds)) == 6, "and can be restored"


@pytest.mark.parametrize("broken", [("missing", "data")], indirect=True)
def test_rows_can_be_appended_beside_a_missing_file(broken: Path, ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    assert call(reader, "space_append", ds, "SELECT 50 AS id")[2] == 1
    broken.write_bytes(b"")
