"""Two writers, A and B, and a dataset of their own for every test."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql
from space_sql.dataset import dataset as opened
from space_sql.format.commit import Commit
from space_sql.storage.log import Log
from tests.concurrency.operations import create_base
from tests.concurrency.scratch import scratch_folder

Connection = duckdb.DuckDBPyConnection
Racing = Callable[[Callable[[], object]], None]


def _connection() -> Connection:
    con = space_sql.connect()
    con.execute("SET VARIABLE space_sync = false")
    return con


@pytest.fixture(scope="module")
def a() -> Iterator[Connection]:
    with _connection() as con:
        yield con


@pytest.fixture(scope="module")
def b() -> Iterator[Connection]:
    with _connection() as con:
        yield con


@pytest.fixture(scope="module")
def reader() -> Iterator[Connection]:
    with _connection() as con:
        yield con


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset to copy: see ``create_base``."""
    path = tmp_path_factory.mktemp("base") / "ds"
    with _connection() as con:
        create_base(con, path)
    return path


@pytest.fixture
def ds(base: Path) -> Iterator[Path]:
    """A dataset of this test's own."""
    with scratch_folder() as folder:
        yield Path(shutil.copytree(base, folder / "ds"))


def as_another_process(run: Callable[[], object]) -> None:
    """Run something with no dataset open: it shares nothing with the writer that goes on afterwards."""
    kept = dict(opened._open)
    opened._open.clear()
    try:
        run()
    finally:
        opened._open.clear()
        opened._open.update(kept)


@pytest.fixture
def racing(monkeypatch: pytest.MonkeyPatch) -> Racing:
    """``racing(run)``: the next writer runs ``run`` just before it takes its number, and so loses that number."""
    waiting: list[Callable[[], object]] = []
    publish = Log.publish

    def losing(self: Log, commit: Commit, *, sync: bool) -> bool:
        while waiting:
            as_another_process(waiting.pop())
        return publish(self, commit, sync=sync)

    monkeypatch.setattr(Log, "publish", losing)
    return waiting.append


@pytest.fixture
def arriving(a: Connection) -> Iterator[Callable[[Callable[[], object]], str]]:
    """``arriving(run)``: a SQL condition, always true, that runs ``run`` the first time A's statement evaluates it."""
    lock = threading.Lock()
    waiting: list[Callable[[], object]] = []

    def meanwhile(_: int) -> bool:
        with lock:
            while waiting:
                as_another_process(waiting.pop())
        return True

    def condition(run: Callable[[], object]) -> str:
        waiting.append(run)
        return "meanwhile(id)"

    a.create_function("meanwhile", meanwhile, ["BIGINT"], "BOOLEAN", side_effects=True)
    yield condition
    a.remove_function("meanwhile")
    assert not waiting, "the statement never ran what was to happen meanwhile"
