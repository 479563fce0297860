"""Functions of views on Ray: the results are the local ones, lost workers are replaced, nothing is computed twice."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql

ROOT = str(Path(space_sql.__file__).parents[1])
OWN = {"PYTHONPATH": ROOT, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""For the cluster that a test starts and those that come to it: a token of its own, whatever the machine has."""
QUERIES = [
    "SELECT id, twice(n) AS t FROM space_scan('raw') WHERE n % 7 <> 3",
    "SELECT r.id, twice(s.n) AS t FROM space_scan('raw') r JOIN space_scan('raw') s ON r.id = twice(s.id)",
    "SELECT twice(twice(n)) AS t, count(*) AS c, max(twice(id)) AS m FROM space_scan('raw') GROUP BY ALL",
]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="make test-training")
    env = {"env_vars": {"PYTHONPATH": ROOT}}
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=env)
    yield ray
    ray.shutdown()


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        source = "SELECT range AS id, range % 120 AS n FROM range(500)"
        con.execute("CALL space_create('raw', primary_keys => ['id'], source => ?)", [source])
        yield con


def counted(path: Path, then: Callable[[int], None] = lambda value: None) -> Callable[[int], int]:
    """A function that notes its calls in a file, each with the process that made it."""
    log = str(path / "calls")

    def twice(value: int) -> int:
        then(value)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, b"%d %d\n" % (os.getpid(), value))
        os.close(handle)
        return value * 2

    return twice


def register(con: duckdb.DuckDBPyConnection, function: Callable[[int], int]) -> None:
    space_sql.register_function(con, "twice", function, ["BIGINT"], "BIGINT", version="1")


def calls(path: Path) -> tuple[set[int], Counter[int]]:
    """The processes that called it, and how often for each argument; forgotten then."""
    log = path / "calls"
    told = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    log.unlink(missing_ok=True)
    return {int(pid) for pid, _ in told}, Counter(int(value) for _, value in told)


def is_exact(con: duckdb.DuckDBPyConnection, view: str, query: str) -> bool:
    plain = query.replace("twice(", "2 * (")
    one, other = f"({plain})", f"(FROM space_scan('{view}'))"
    return con.execute(f"({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one})").fetchall() == []


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_a_view_on_ray_is_what_it_is_without(
    number: int, ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    query = QUERIES[number]
    register(con, counted(tmp_path))
    con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [query])
    assert is_exact(con, "mv", query)
    pids, values = calls(tmp_path)
    assert os.getpid() not in pids
    assert set(values.values()) == {1}, "each argument once"
    con.execute("CALL space_upsert('raw', 'SELECT range AS id, range AS n FROM range(480, 530)')")
    con.execute("CALL space_delete('raw', 'id < 20')")
    ((policy,),) = con.execute("SELECT policy FROM space_refresh('mv', engine => 'ray')").fetchall()
    assert policy == "incremental"
    assert is_exact(con, "mv", query)
    pids, more = calls(tmp_path)
    assert os.getpid() not in pids
    assert not values & more
    con.execute("CALL space_refresh('mv', policy => 'full')")
    con.execute("CALL space_materialize('local', ?)", [query])
    assert is_exact(con, "local", query)
    assert calls(tmp_path)[0] <= {os.getpid()}, "the other view has results of its own"


def test_a_worker_that_is_lost_costs_its_slice_alone(ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    once = str(tmp_path / "once")

    def kill(value: int) -> None:
        if value == 77 and not os.path.exists(once):
            Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    register(con, counted(tmp_path, kill))
    con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [QUERIES[0]])
    assert is_exact(con, "mv", QUERIES[0])
    assert Path(once).exists()
    _, values = calls(tmp_path)
    assert values[77] == 1
    assert sum(values.values()) < len(values) + 60


def test_an_error_says_the_function_and_leaves_the_rest_computed(
    ray: Any, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    bad = str(tmp_path / "bad")
    Path(bad).touch()

    def fail(value: int) -> None:
        if value == 60 and os.path.exists(bad):
            raise ValueError("sixty")

    register(con, counted(tmp_path, fail))
    with pytest.raises(duckdb.Error, match="the function twice failed: ValueError: sixty") as told:
        con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [QUERIES[0]])
    assert "Traceback" not in str(told.value)
    _, first = calls(tmp_path)
    Path(bad).unlink()
    con.execute("CALL space_materialize('mv', ?)", [QUERIES[0]])
    pids, rest = calls(tmp_path)
    assert pids == {os.getpid()}, "this process does the rest"
    assert sum((first & rest).values()) < 60, "but for slices that failed"
    assert len(first) + len(rest) >= len(first | rest)
    assert len(rest) < 110
    assert is_exact(con, "mv", QUERIES[0])


def test_a_function_that_cannot_travel_is_named(ray: Any, con: duckdb.DuckDBPyConnection) -> None:
    import threading

    lock = threading.Lock()

    def held(value: int) -> int:
        with lock:
            return value

    register(con, held)
    with pytest.raises(duckdb.Error, match="the function twice cannot be shipped to Ray: TypeError"):
        con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [QUERIES[0]])


DRIVER = """
import os, sys, time, space_sql
def twice(value):
    handle = os.open(sys_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, b"%d %d\\n" % (os.getpid(), value))
    os.close(handle)
    time.sleep(0.02)
    return value * 2
sys_path = os.path.abspath("calls")
con = space_sql.connect()
space_sql.register_function(con, "twice", twice, ["BIGINT"], "BIGINT", version="1")
con.execute("CALL space_materialize('mv', ?, engine => 'ray')", [sys.argv[1]]).fetchall()
import ray
print(ray.get_runtime_context().gcs_address)
"""


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a cluster that was there before."""
    pytest.importorskip("ray", reason="make test-training")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        start = ["start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
        command = [str(Path(sys.executable).parent / "ray"), *start, "--node-ip-address=127.0.0.1"]
        head = subprocess.Popen([*command, f"--temp-dir={folder}"], env={**os.environ, **OWN}, stdout=subprocess.PIPE)
        try:
            assert head.stdout is not None
            for line in head.stdout:
                if b"Ray runtime started" in line:
                    break
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()
            head.wait(60)


def test_a_cluster_that_is_there_is_used_and_a_killed_refresh_goes_on(
    cluster: str, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    query = "SELECT id, twice(id) AS t FROM space_scan('raw')"
    command = [sys.executable, "-c", DRIVER, query]
    env = {**os.environ, **OWN, "RAY_ADDRESS": cluster}
    said = tmp_path / "said"
    with said.open("wb") as errors:
        first = subprocess.Popen(command, env=env, stderr=errors)
    try:
        log, deadline = tmp_path / "calls", time.monotonic() + 240
        while len(list((tmp_path / "mv").rglob("*.arrow"))) < 2 and time.monotonic() < deadline:
            assert first.poll() is None, said.read_text()
            time.sleep(0.05)
    finally:
        first.kill()
        first.wait()
    before = len(log.read_text().splitlines())
    stranger = {**env, "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_gcs_rpc_server_connect_timeout_s": "1"}
    refused = subprocess.run(command, env=stranger, capture_output=True, text=True, check=False)
    assert "storage: Ray cannot be reached: " in refused.stderr
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(cluster.partition(":")[2])
    assert is_exact(con, "mv", query)
    _, values = calls(tmp_path)
    assert len(values) == 500
    assert before > 20
    assert sum(values.values()) < 500 + before - 20
