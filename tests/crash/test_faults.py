"""Every operation meets every fault of a disk once: afterwards all is sound, wholly done or not at all."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from space_sql.dataset import vacuum
from space_sql.format.paths import entry_path
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call, call_sql, kind_and_message, rows
from tests.crash.contents import contents
from tests.crash.faulty import faulty

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
HOWS = ("before", "after", "half")
NEW = "SELECT range AS id, 'new ' || range AS label, ('r' || range)::BLOB AS r FROM range(3, 8)"
OPERATIONS: dict[str, str] = {
    "append": f"space_append('{{}}', $${NEW}$$, commit_key => 'job')",
    "upsert": f"space_upsert('{{}}', $${NEW}$$, commit_key => 'job')",
    "update": "space_update('{}', 'label = ''set''', 'id >= 1', commit_key => 'job')",
    "delete": "space_delete('{}', 'id <= 3', commit_key => 'job')",
    "restore": "space_restore('{}', 'v1', commit_key => 'job')",
    "add_check": "space_add_check('{}', 'c', 'id >= 0', commit_key => 'job')",
    "tag": "space_tag('{}', 'more', commit_key => 'job')",
    "compact": "space_compact('{}', commit_key => 'job')",
    "expire": "space_expire('{}', keep_last => 1, commit_key => 'job')",
    "vacuum": "space_vacuum('{}', older_than => INTERVAL '0 seconds')",
    "forget": "space_forget('{}', 'id = 2', commit_key => 'job')",
    "repair": "space_repair('{}')",
    "verify": "space_verify('{}', deep => true)",
}


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """Some of everything: records, a tag, deleted and expired rows, leftovers, and a log before its checkpoint."""
    with scratch_folder() as folder, space_sql.connect() as con:
        path = folder / "ds"
        con.execute("SET VARIABLE space_sync = false")
        columns = "id BIGINT, label VARCHAR, r BLOB"
        call(con, "space_create", path, columns=columns, primary_keys=["id"], record_fields=["r"])
        for n in range(3):
            call(
                con,
                "space_append",
                path,
                f"SELECT {n} + range * 3 AS id, 'old' AS label, 'r{n}'::BLOB AS r FROM range(2)",
            )
        call(con, "space_tag", path, "v1")
        call(con, "space_delete", path, "id = 5")
        call(con, "space_upsert", path, "SELECT 1 AS id, 'one' AS label")
        call(con, "space_overwrite", path, "SELECT range AS id, 'over' AS label FROM range(6)")
        con.execute(f"CALL {call_sql('space_expire', path, versions=[5])}").fetchall()
        for number in range(23):
            call(con, "space_drop_tag" if number % 2 else "space_tag", path, "more")
        call(con, "space_drop_tag", path, "more")
        for name in ("data/00000000-0000-4000-8000-000000000001.parquet", "log/.left.json.1.tmp"):
            (path / name).write_bytes(b"left behind")
            os.utime(path / name, (time.time() - 4000,) * 2)
        yield path


def shown(con: duckdb.DuckDBPyConnection, path: Path, operation: str) -> dict[str, Any]:
    """What a dataset shows; of a forget, which takes two entries, without the history."""
    found = contents(con, path)
    assert found is not None
    return {k: v for k, v in found.items() if k != "history" or operation != "forget"}


def run(con: duckdb.DuckDBPyConnection, path: Path, operation: str) -> None:
    con.execute(f"CALL {OPERATIONS[operation].format(path)}").fetchall()


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_an_operation_whose_disk_fails_once_is_sound_afterwards(
    operation: str, base: Path, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    reader.execute("SET VARIABLE space_sync = true")
    done = Path(shutil.copytree(base, scratch / "done"))
    before = shown(reader, done, operation)
    run(reader, done, operation)
    after = shown(reader, done, operation)
    shift = list(OPERATIONS).index(operation)
    for number in itertools.count(1, 1) if LONG else itertools.count(2 + shift % 5, 23):
        for how in HOWS if LONG else (HOWS[(number + shift) % 3],):
            path = Path(shutil.copytree(base, scratch / f"{number} {how}"))
            code = errno.ENOSPC if how == "half" else errno.EIO
            error = None
            with faulty(number, how, code) as disk:
                try:
                    run(reader, path, operation)
                except duckdb.Error as raised:
                    error = raised
            what = f"{how} step {number} ({disk.steps[number - 1] if number <= len(disk.steps) else 'none'})"
            if error is not None:
                kind, message = kind_and_message(error)
                assert kind in ("storage", "not-found"), f"{message}: {what}"
            now = shown(reader, path, operation)
            assert now in (before, after), what
            if error is None:
                assert now == after, what
            run(reader, path, operation)
            assert shown(reader, path, operation) == after, f"{what}, and done again"
            findings = reader.execute(f"FROM {call_sql('space_verify', path, deep=True)}").fetchall()
            assert [f for f in findings if f[1] not in ("keys", "checkpoint")] == [], what
            shutil.rmtree(path)
        if number > len(disk.steps):
            break


def test_a_stale_listing_hides_no_commit(
    base: Path, scratch: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copytree(base, scratch / "ds"))
    before = contents(reader, path)
    listed = os.listdir
    late = {Path(entry_path(i)).name for i in (28, 30, 31, 32)}
    monkeypatch.setattr(os, "listdir", lambda where: [n for n in listed(where) if n not in late])
    assert contents(reader, path) == before
    number = call(reader, "space_append", path, "SELECT 70 AS id")[0]
    monkeypatch.undo()
    assert before is not None
    assert number == before["history"][0][0] + 1
    assert (70, None, None) in rows(reader, path)


def test_a_publish_whose_answer_is_lost_happens_once(
    base: Path, scratch: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system links, does not hear of it, links again and says that the name is taken."""
    path = Path(shutil.copytree(base, scratch / "ds"))
    linked = os.link

    def twice(old: Any, new: Any) -> None:
        linked(old, new)
        linked(old, new)

    monkeypatch.setattr(os, "link", twice)
    first = call(reader, "space_append", path, "SELECT 70 AS id")
    second = call(reader, "space_append", path, "SELECT 71 AS id")
    assert second[0] == first[0] + 1
    assert [row[0] for row in rows(reader, path) if row[0] in (70, 71)] == [70, 71]


def test_a_name_that_another_writer_took_is_not_taken_for_ones_own(
    base: Path, scratch: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copytree(base, scratch / "ds"))
    linked = os.link

    def late(old: Any, new: Any) -> None:
        monkeypatch.undo()
        call(space_sql.connect(), "space_append", path, "SELECT 72 AS id")
        linked(old, new)

    monkeypatch.setattr(os, "link", late)
    call(reader, "space_append", path, "SELECT 71 AS id")
    assert [row[0] for row in rows(reader, path) if row[0] in (71, 72)] == [71, 72]


def test_a_clock_that_goes_backwards_orders_and_keeps_everything(
    base: Path, scratch: Path, reader: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copytree(base, scratch / "ds"))
    year = 365 * 24 * 3600
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3 * year * 10**9)
    monkeypatch.setattr(time, "time", lambda: now / 1e9 - 3 * year)
    for n in range(3):
        call(reader, "space_append", path, f"SELECT {80 + n} AS id")
    times = reader.execute(f"SELECT snapshot_time FROM {call_sql('space_snapshots', path)}").fetchall()
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == len(times)
    staged = path / "data" / "00000000-0000-4000-8000-000000000009.parquet"
    staged.write_bytes(b"about to be published")
    reader.execute(f"CALL space_vacuum('{path}', older_than => TIMESTAMPTZ '2001-01-01')").fetchall()
    assert staged.exists(), "it is from the future"
    assert vacuum.LEAST_AGE > 0
    reader.execute(f"CALL {call_sql('space_forget', path, 'id = 80')}").fetchall()
    assert [row[0] for row in rows(reader, path) if row[0] >= 80] == [81, 82]
    staged.unlink()
    found = reader.execute(f"FROM {call_sql('space_verify', path, deep=True)}").fetchall()
    assert [f for f in found if f[1] != "keys"] == []
