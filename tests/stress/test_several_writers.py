"""Several processes, and several threads, write to one dataset at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.crash.child import process, received
from tests.stress.verdict import Verdict
from tests.stress.worker import Done, create, work, work_here

pytestmark = pytest.mark.stress
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


@pytest.fixture
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    with space_sql.connect() as con:
        yield con


def enough(told: list[Any], writers: int, writes: int) -> None:
    """Everybody did all of its writes, and most of them succeeded."""
    done = [t for t in told if isinstance(t, Done)]
    assert len(done) == writers * writes
    assert sum(t.result is not None for t in done) > len(done) / 2


@pytest.mark.parametrize("sync", [True, False], ids=["synced", "not_synced"])
@pytest.mark.parametrize("writers", [2, 4])
def test_processes_that_write_at_once_lose_nothing(
    writers: int, sync: bool, tmp_path: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    writes = (1200 if LONG else 40) // (2 if sync else 1)
    path = tmp_path / "ds"
    create(reader, path)
    with ExitStack() as stack:
        pipes = [stack.enter_context(process(work, path, f"w{n}", writes, sync))[1] for n in range(writers)]
        told = [t for pipe in pipes for t in received(pipe)]
    enough(told, writers, writes)
    Verdict(reader, path, told).check()


@pytest.mark.parametrize("cursors", [True, False], ids=["cursors_of_one_connection", "connections"])
def test_threads_that_write_at_once_lose_nothing(cursors: bool, reader: duckdb.DuckDBPyConnection) -> None:
    writers, writes = 4, 400 if LONG else 25
    told: list[Any] = []
    failures: list[BaseException] = []
    with scratch_folder() as folder, ExitStack() as stack:
        path = folder / "ds"
        create(reader, path)
        shared = stack.enter_context(space_sql.connect())
        connections = [shared.cursor() if cursors else stack.enter_context(space_sql.connect()) for _ in range(writers)]

        def run(number: int) -> None:
            try:
                connections[number].execute("SET VARIABLE space_sync = false")
                work_here(connections[number], path, f"t{number}", writes, told.append)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        enough(told, writers, writes)
        Verdict(reader, path, told).check()
