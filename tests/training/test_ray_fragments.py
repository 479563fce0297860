"""Views whose rows Ray's tasks write, a fragment of a source's files each: the same rows, and one commit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from tests.training.test_ray import ROOT, calls, counted, ray, register

__all__ = ["ray"]
VIEWS = {
    "filtered": "SELECT id, twice(n) AS t FROM space_scan('raw') WHERE n % 7 <> 3",
    "joined": "SELECT r.id, s, twice(n) AS t FROM space_scan('raw') r JOIN space_scan('other') o ON o.id = r.id",
    "itself": "SELECT a.id, b.id AS o, twice(a.n) AS t FROM space_scan('raw') a JOIN space_scan('raw') b ON a.id = b.n",
    "united": "SELECT id, twice(n) AS t FROM space_scan('raw') UNION ALL SELECT id, twice(id) FROM space_scan('other')",
    "unnested": "SELECT id, unnest([twice(n), twice(id)]) AS t FROM space_scan('raw') WHERE id % 2 = 0",
}
CHANGES = [
    "CALL space_upsert('raw', 'SELECT range AS id, range * 5 AS n FROM range(2000, 8000)')",
    "CALL space_delete('raw', 'id % 3 = 0')",
    "CALL space_append('other', 'SELECT range AS id, ''y'' AS s FROM range(6000, 9000)')",
    "CALL space_insert('raw', 'SELECT range AS id, range AS n FROM range(10000, 14000)')",
    "CALL space_compact('raw')",
    "CALL space_update('raw', 'n = n + 1', 'id < 9000')",
    "CALL space_restore('raw', '1')",
]
REFRESH = (
    "SELECT policy, rows_inserted, rows_updated, rows_deleted, rows_read, reason FROM space_refresh(?, engine => ?)"
)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        rows = "SELECT range AS id, range % 4000 AS n FROM range({}, {})"
        con.execute("CALL space_create('raw', primary_keys => ['id'], source => ?)", [rows.format(0, 7000)])
        con.execute("CALL space_append('raw', ?)", [rows.format(7000, 7200)])
        con.execute("CALL space_append('raw', ?)", [rows.format(7200, 8000)])
        other = "SELECT range AS id, 'x' || range AS s FROM range(6000)"
        con.execute("CALL space_create('other', primary_keys => ['id'], source => ?)", [other])
        yield con


def differ(con: duckdb.DuckDBPyConnection, one: str, other: str) -> list[Any]:
    """Rows that two queries do not give as often."""
    return con.execute(f"(({one}) EXCEPT ALL ({other})) UNION ALL (({other}) EXCEPT ALL ({one})) LIMIT 3").fetchall()


def number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    ((found,),) = con.execute(sql).fetchall()
    return int(found)


@pytest.mark.parametrize("name", VIEWS)
def test_it_is_the_local_view_and_changes_as_that_does(
    name: str, ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    register(con, counted(tmp_path))
    con.execute("CALL space_materialize('spread', ?, engine => 'ray')", [VIEWS[name]])
    pids, _ = calls(tmp_path)
    assert os.getpid() not in pids
    assert len(pids) == 2
    assert number(con, "SELECT count(*) FROM space_files('spread')") > 2, "tasks wrote files of their own"
    con.execute("CALL space_materialize('local', ?)", [VIEWS[name]])
    for change in CHANGES:
        con.execute(change)
        calls(tmp_path)
        spread = con.execute(REFRESH, ["spread", "ray"]).fetchall()
        assert os.getpid() not in calls(tmp_path)[0]
        assert spread == con.execute(REFRESH, ["local", "local"]).fetchall(), change
        assert not differ(con, "FROM space_scan('spread')", "FROM space_scan('local')"), change
    last = number(con, "SELECT max(snapshot_id) FROM space_snapshots('spread')")
    assert last == number(con, "SELECT max(snapshot_id) FROM space_snapshots('local')")
    told = "SELECT snapshot_id, change_type, * EXCLUDE (snapshot_id, change_type) FROM space_changes('{}', 0)"
    assert not differ(con, told.format("spread"), told.format("local"))
    register_again = counted(tmp_path)
    space_sql.register_function(con, "twice", register_again, ["BIGINT"], "BIGINT", version="2")
    ((policy, *changed, _, reason),) = con.execute(REFRESH, ["spread", "ray"]).fetchall()
    assert (policy, *changed) == ("full", 0, 0, 0)
    assert reason.startswith("function-changed")
    assert con.execute("FROM space_verify('spread', deep => true) WHERE severity = 'error'").fetchall() == []


def test_a_lost_worker_costs_its_fragment_alone(ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    once = str(tmp_path / "once")

    def kill(value: int) -> None:
        if value == 2500 and not os.path.exists(once):
            Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    register(con, counted(tmp_path, kill))
    con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [VIEWS["unnested"]])
    assert Path(once).exists()
    assert not differ(con, VIEWS["unnested"].replace("twice(", "2 * ("), "FROM space_scan('mv')")
    _, values = calls(tmp_path)
    assert sum(values.values()) < len(values) + 3 * 1100 * 2


def test_what_failed_in_a_fragment_is_one_line_and_commits_nothing(
    ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.touch()
    there = str(bad)

    def fail(value: int) -> None:
        if value == 3999 and os.path.exists(there):
            raise ValueError("no\nsuch value")

    register(con, counted(tmp_path, fail))
    with pytest.raises(duckdb.Error) as told:
        con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [VIEWS["filtered"]])
    line = "invalid-input: the function twice failed: ValueError: no such value"
    assert str(told.value) == f"Invalid Input Error: {line}"
    assert not list((tmp_path / "mv").rglob("*.parquet"))
    _, first = calls(tmp_path)
    bad.unlink()
    con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [VIEWS["filtered"]])
    _, rest = calls(tmp_path)
    assert len(rest) < len(first | rest) / 2, "what was computed is kept"
    bad.touch()
    con.execute("CALL space_upsert('raw', 'SELECT range AS id, 3999 - (range % 2) AS n FROM range(5000)')")
    before = set((tmp_path / "mv").rglob("*.parquet"))
    space_sql.register_function(con, "twice", counted(tmp_path, fail), ["BIGINT"], "BIGINT", version="2")
    with pytest.raises(duckdb.Error, match="invalid-input: the function twice failed") as told:
        con.execute("CALL space_refresh('mv', engine => 'ray')")
    assert str(told.value) == f"Invalid Input Error: {line}"
    assert set((tmp_path / "mv").rglob("*.parquet")) == before
    assert number(con, "SELECT max(snapshot_id) FROM space_snapshots('mv')") == 0


def test_records_and_times_are_read_by_the_workers(ray: Any, con: duckdb.DuckDBPyConnection) -> None:
    driver = os.getpid()

    def told(image: bytes, day: str) -> str:
        return f"{len(image)} {image[:4].hex()} {day} {os.getpid() != driver}"

    space_sql.register_function(con, "told", told, ["BLOB", "VARCHAR"], "VARCHAR", version="1")
    con.execute("SET TimeZone = 'Pacific/Kiritimati'")
    source = (
        "SELECT range AS id, encode(repeat(range::VARCHAR, 1 + range::INT % 9)) AS image, "
        "TIMESTAMPTZ '2026-01-01 12:00:00+00' + range * INTERVAL 1 HOUR AS taken FROM range(4000)"
    )
    con.execute(
        "CALL space_create('photos', primary_keys => ['id'], source => ?, record_fields => ['image'])", [source]
    )
    query = "SELECT id, taken::DATE AS day, told(image, strftime(taken, '%d %H')) AS t FROM space_scan('photos')"
    con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [query])
    assert number(con, "SELECT count(*) FROM space_files('mv')") > 2
    plain = (
        "SELECT id, taken::DATE, concat_ws(' ', octet_length(image), lower(hex(image[1:4])), strftime(taken, '%d %H'), "
        "'True') FROM space_scan('photos')"
    )
    assert not differ(con, plain, "FROM space_scan('mv')")


DRIVER = """
import os, sys, time, space_sql, ray
def twice(value):
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, b"%d %d\\n" % (os.getpid(), value))
    os.close(handle)
    time.sleep(0.002)
    return value * 2
log = os.path.abspath("calls")
env = {"env_vars": {"PYTHONPATH": sys.argv[1]}}
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=env)
con = space_sql.connect()
space_sql.register_function(con, "twice", twice, ["BIGINT"], "BIGINT", version="1")
con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [sys.argv[2]]).fetchall()
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_driver_leaves_what_was_computed(
    by: signal.Signals, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="make test-training")
    command = [sys.executable, "-c", DRIVER, ROOT, VIEWS["filtered"]]
    env = {**os.environ, "PYTHONPATH": ROOT}
    said = tmp_path / "said"
    with said.open("wb") as errors:
        first = subprocess.Popen(command, stderr=errors, env=env)
    deadline = time.monotonic() + 240
    while len(list((tmp_path / "mv").rglob("*.arrow"))) < 3 and time.monotonic() < deadline:
        assert first.poll() is None, said.read_text()
        time.sleep(0.05)
    first.send_signal(by)
    assert first.wait(60) != 0
    before = len(calls(tmp_path)[1])
    with pytest.raises(duckdb.Error, match="not-found"):
        con.execute("FROM space_scan('mv')")
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=env)
    assert not differ(con, VIEWS["filtered"].replace("twice(", "2 * ("), "FROM space_scan('mv')")
    _, values = calls(tmp_path)
    assert before > 500
    assert len(values) < 3429 - before / 2
    con.execute("FROM space_vacuum('mv', older_than => now())").fetchall()
    assert con.execute("FROM space_verify('mv', deep => true) WHERE severity = 'error'").fetchall() == []


def test_a_folder_that_workers_do_not_share_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from space_sql.errors import StorageError
    from space_sql.format.data_file import DataFile
    from space_sql.views.computed import Computed
    from space_sql.views.spread import SpreadRows
    from space_sql.views.worker import Work, Written

    class Elsewhere:
        def written(self, *given: Any) -> Iterator[Written]:
            yield Written([DataFile(number=0, path="data/none.parquet", rows=1, bytes=1, change="insert")], {})

    work = Work(tmp_path, (), "UTC", True, lambda functions: duckdb.connect())
    store = SpreadRows(Elsewhere(), (), Computed(tmp_path, 0, (), sync=False), work, [""])  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="must be a folder that all machines of the cluster share"):
        store.finish(sync=True)
