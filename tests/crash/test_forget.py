"""Forgetting leaves no byte, changes no other row, and survives being killed at every step."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from space_sql.dataset import dataset as opened
from space_sql.dataset import erase
from space_sql.format.paths import entry_path
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call, call_sql, kind_and_message, rows
from tests.crash import markers, steps
from tests.crash.child import Pipe, process, received

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
MARKS = [
    f"MARK{what}" for what in ("least", "most", "nested", "record", "text", "key", "dev", "deleted", "gone", "json")
]
PREDICATE = "contains(name, 'MARK') OR contains(label, 'MARK') OR contains(note::VARCHAR, 'MARK')"
OTHER = f"NOT coalesce({PREDICATE}, false)"
VERSIONS = ("v1", "main", "dev", "4", "20")


def plant(con: duckdb.DuckDBPyConnection, path: Path, commits: int = 26) -> None:
    """Markers in rows, nested values, records, statistics, messages, authors, commit keys and checkpoints, on two
    branches, in rows that were deleted, updated, expired and merged into other files."""
    con.execute("SET VARIABLE space_sync = false")
    columns = "id BIGINT, name VARCHAR, label VARCHAR, box STRUCT(x DOUBLE, tags VARCHAR[]), note JSON, image BLOB"
    call(con, "space_create", path, columns=columns, primary_keys=["id"], record_fields=["image"])
    first = "SELECT 1000 + range AS id, 'MARKgone' || range AS name FROM range(3)"
    call(con, "space_append", path, first)
    call(con, "space_delete", path, "id >= 1000")
    con.execute(f"CALL {call_sql('space_expire', path, versions=[1])}").fetchall()
    call(
        con,
        "space_append",
        path,
        "SELECT range AS id, CASE range WHEN 1 THEN 'AAA MARKleast' WHEN 2 THEN 'zzz MARKmost' ELSE 'm' || range END "
        "AS name, CASE WHEN range IN (3, 4) THEN 'MARKtext' ELSE 'x' END AS label, "
        "{'x': range / 7, 'tags': [CASE WHEN range = 1 THEN 'MARKnested' ELSE 'plain' END]} AS box, "
        'CASE WHEN range = 5 THEN \'{"a": "MARKjson"}\' END::JSON AS note, '
        "(CASE WHEN range BETWEEN 1 AND 5 THEN 'MARKrecord' ELSE 'record' END || range)::BLOB AS image FROM range(12)",
        message="the first MARKtext, by hand",
        author="zzz MARKmost",
        commit_key="job of aaa markleast",
    )
    call(con, "space_tag", path, "v1", message="before MARKtext left")
    call(con, "space_branch", path, "dev")
    call(con, "space_upsert", path, "SELECT 30 AS id, 'MARKdev' AS name", branch="dev", message="one row only")
    call(con, "space_update", path, "label = 'MARKdeleted'", "id = 7")
    call(con, "space_delete", path, "id = 7 OR id = 8")
    for number in range(commits):
        call(con, "space_upsert", path, f"SELECT {number % 6 + 1} AS id, {number} / 3 AS box_x", evolve=True)
    call(con, "space_rename_column", path, "label", "class")
    call(con, "space_add_column", path, "label VARCHAR")
    con.execute(f"CALL {call_sql('space_compact', path)}").fetchall()
    call(con, "space_append", path, "SELECT 50 AS id, 'last' AS name", message="nothing of note")


@pytest.fixture(scope="module")
def planted() -> Iterator[Path]:
    with scratch_folder() as folder, space_sql.connect() as con:
        plant(con, folder / "ds")
        con.execute(f"CALL space_vacuum('{folder / 'ds'}', older_than => INTERVAL '0 seconds')").fetchall()
        yield folder / "ds"


@pytest.fixture
def ds(planted: Path, scratch: Path) -> Path:
    return Path(shutil.copytree(planted, scratch / "ds"))


def seen(con: duckdb.DuckDBPyConnection, path: Path, where: str = "true") -> dict[str, Any]:
    """All that versions, feed and differences show of the rows for which a condition holds."""
    opened._open.clear()
    out: dict[str, Any] = {}
    columns = "id, name, label, box, note, image"
    for version in VERSIONS:
        text = call_sql("space_scan", path, version=version)
        shown = {c for (c,) in con.execute(f"SELECT column_name FROM (DESCRIBE FROM {text})").fetchall()}
        own = columns.replace("label", "class AS label") if "class" in shown else columns
        out[version] = Counter(map(repr, con.execute(f"FROM (SELECT {own} FROM {text}) WHERE {where}").fetchall()))
    changes = call_sql("space_changes", path, "2", "main")
    feed = f"SELECT snapshot_id, change_type, id, name, class AS label, note, image FROM {changes}"
    out["feed"] = Counter(map(repr, con.execute(f"FROM ({feed}) WHERE {where}").fetchall()))
    return out


def forget(con: duckdb.DuckDBPyConnection, path: Path, predicate: str = PREDICATE, **named: object) -> dict[str, Any]:
    result = con.execute(f"FROM {call_sql('space_forget', path, predicate, **named)}")
    names = [column[0] for column in result.description or ()]
    (row,) = result.fetchall()
    return dict(zip(names, row, strict=True))


def sound(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    findings = con.execute(f"FROM {call_sql('space_verify', path, deep=True)}").fetchall()
    assert [f for f in findings if f[1] != "keys"] == []


def test_no_byte_of_a_forgotten_row_is_left_and_no_other_row_changes(
    ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    there = {marker for marker, _ in markers.found(ds, MARKS)}
    assert there >= {m for m in MARKS if m != "MARKkey"}, "the test plants all of them"
    others = seen(reader, ds, OTHER)
    log = sorted((ds / "log").iterdir())
    dry = forget(reader, ds, dry_run=True)
    assert sorted((ds / "log").iterdir()) == log
    assert dry["snapshot_id"] is None
    assert seen(reader, ds, OTHER) == others
    told = forget(reader, ds)
    assert {**told, "snapshot_id": None} == dry
    assert markers.found(ds, MARKS) == set()
    assert markers.found(ds, ["markleast", "MARK"]) == set()
    assert seen(reader, ds) == others
    sound(reader, ds)
    assert told["rows_forgotten"] >= 7
    assert told["records_forgotten"] >= 5
    assert told["files_left"] == []
    assert not any((ds / file).exists() for file in told["files_replaced"] if file.startswith("data/"))
    kept = reader.execute(f"SELECT message FROM {call_sql('space_snapshots', ds)} WHERE message IS NOT NULL").fetchall()
    assert ("nothing of note",) in kept
    again = forget(reader, ds)
    assert (again["snapshot_id"], again["rows_forgotten"], again["entries_rewritten"]) == (None, 0, 0)
    head = call(reader, "space_append", ds, "SELECT 60 AS id")[0]
    assert head == told["snapshot_id"] + 2
    call(reader, "space_restore", ds, "v1")
    con = space_sql.connect()
    assert con.execute(f"SELECT count(*) FROM {call_sql('space_scan', ds)}").fetchall() == [
        (sum(others["v1"].values()),)
    ]
    con.execute(f"CALL {call_sql('space_compact', ds)}").fetchall()
    sound(con, ds)


def test_what_is_forgotten_bit_by_bit_is_gone_too(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    others = seen(reader, ds, OTHER)
    for marker in ("least", "most", "text", "json", "dev", "deleted") if LONG else ("least", ""):
        forget(reader, ds, PREDICATE.replace("'MARK'", f"'MARK{marker}'"))
        sound(reader, ds)
    assert markers.found(ds, MARKS) == set()
    assert seen(reader, ds) == others


def forget_once(pipe: Pipe, path: Path, at_step: steps.KillAt | steps.FailAt) -> None:
    con = space_sql.connect()
    con.execute("SET VARIABLE space_sync = false")
    rows(con, path)
    steps.install(at_step)
    try:
        forget(con, path)
    except duckdb.Error as error:
        pipe.send((str(error), at_step.count))
    else:
        pipe.send((None, at_step.count))


def test_a_killed_forget_is_not_begun_or_can_be_finished(
    ds: Path, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    everything, others = seen(reader, ds), seen(reader, ds, OTHER)
    begun = 0
    for number in itertools.count(1, 1 if LONG else 97):
        path = Path(shutil.copytree(ds, scratch / str(number)))
        with process(forget_once, path, steps.KillAt(number)) as (child, pipe):
            said = received(pipe)
            child.join()
        now = seen(reader, path)
        assert now in (everything, others), f"killed at step {number}"
        begun += now == others
        if child.exitcode == 0:
            assert now == others
            break
        assert (child.exitcode, said) == (-signal.SIGKILL, [])
        if now == others and number % 2:
            reader.execute(f"CALL {call_sql('space_repair', path)}").fetchall()
        forget(reader, path)
        assert markers.found(path, MARKS) == set(), f"killed at step {number}"
        assert seen(reader, path) == others, f"killed at step {number}"
        call(reader, "space_append", path, "SELECT 60 AS id")
        sound(reader, path)
        shutil.rmtree(path)
    assert begun > 1


def test_an_unfinished_forget_is_told_and_repaired(
    ds: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = seen(reader, ds, OTHER)

    def failing(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(erase, "_remove", failing)
    with pytest.raises(duckdb.Error):
        forget(reader, ds)
    monkeypatch.undo()
    assert seen(reader, ds) == others, "logically it is done"
    found = reader.execute(f"SELECT severity, kind FROM {call_sql('space_verify', ds)}").fetchall()
    assert ("error", "forget") in found
    # Writers go on: what they bring back of old files is looked at again.
    call(reader, "space_restore", ds, "v1")
    assert reader.execute(f"SELECT action FROM {call_sql('space_repair', ds)}").fetchall()[0] == ("finished",)
    sound(reader, ds)
    assert markers.found(ds, MARKS) == set()
    assert rows(reader, ds) == rows(reader, ds, version="v1")


def test_a_second_forget_at_once_is_a_conflict(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    from space_sql.storage import files

    with files.locked(ds / "space.json", "space_forget"), pytest.raises(duckdb.Error) as error:
        forget(reader, ds)
    assert kind_and_message(error.value)[0] == "conflict"


def test_a_compaction_that_began_before_brings_nothing_back(
    ds: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read and merged the files when the rows are forgotten."""
    from space_sql.functions import compact

    call(reader, "space_upsert", ds, "SELECT 3 AS id, 'MARKtext' AS name UNION ALL SELECT 70, 'b'")
    others = seen(reader, ds, OTHER)
    rewritten = compact.rewrite

    def slowly(*given: Any, **named: Any) -> Any:
        out = rewritten(*given, **named)
        forget(space_sql.connect(), ds)
        return out

    monkeypatch.setattr(compact, "rewrite", slowly)
    reader.execute(f"CALL {call_sql('space_compact', ds)}").fetchall()
    monkeypatch.undo()
    assert seen(reader, ds) == others
    assert markers.found(ds, MARKS) == set()
    sound(reader, ds)


def test_a_transaction_that_read_before_shows_right_rows_or_a_clear_error(
    ds: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    others = rows(reader, ds, version="v1")
    reader.execute("BEGIN")
    assert rows(reader, ds, version="v1") == others
    forget(space_sql.connect(), ds)
    now = rows(reader, ds, version="v1")
    assert set(map(repr, now)) <= set(map(repr, others))
    assert not any("MARK" in repr(row) for row in now)
    assert call(reader, "space_update", ds, "name = 'again'", "id = 1")[3] == 0, "the row is gone here, too"
    reader.execute("ROLLBACK")


def test_an_update_that_began_before_does_not_bring_a_row_back(ds: Path, reader: duckdb.DuckDBPyConnection) -> None:
    """It holds the old row's position, and its other values."""
    from space_sql.dataset.update import Update

    con = space_sql.connect()
    built = Update.build

    def late(self: Update, tip: Any, files: Any) -> Any:
        Update.build = built  # type: ignore[method-assign]
        forget(con, ds)
        return built(self, tip, files)

    head = reader.execute(f"SELECT max(snapshot_id) FROM {call_sql('space_snapshots', ds)}").fetchall()[0][0]
    Update.build = late  # type: ignore[method-assign]
    try:
        with pytest.raises(duckdb.Error) as error:
            call(reader, "space_update", ds, "box = NULL", "id = 1")
    finally:
        Update.build = built  # type: ignore[method-assign]
    assert kind_and_message(error.value)[0] == "conflict"
    assert (ds / entry_path(head + 2)).exists()
    assert not (ds / entry_path(head + 3)).exists()
    assert markers.found(ds, MARKS) == set()


def test_rows_that_come_meanwhile_are_for_the_next_forget(
    ds: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from space_sql.dataset import forget as forgetting

    planned = forgetting.planned

    def late(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        call(space_sql.connect(), "space_append", ds, "SELECT 80 AS id, 'MARKlate' AS name, 'MARKtext' AS class")
        return planned(*given, **named)

    monkeypatch.setattr(forgetting, "planned", late)
    forget(reader, ds)
    assert [row for row in rows(reader, ds) if "MARK" in repr(row)], "it was committed after the predicate was judged"
    forget(reader, ds)
    assert markers.found(ds, [*MARKS, "MARKlate"]) == set()
    sound(reader, ds)
