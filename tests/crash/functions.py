"""Views whose function costs time: each call is written to a file, which outlives the process that made it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import duckdb

import space_sql
from space_sql.views import computed
from tests.concurrency.sql import call, call_sql
from tests.crash import steps

ROWS = 400
STOPS = ("killed", "interrupted", "raises", "disk")


class Costly:
    """A function that takes a while; at its call number ``stop_at`` something happens."""

    def __init__(self, folder: Path, stop: str | None, stop_at: int) -> None:
        self.log = os.open(folder / "calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.stop, self.left = stop, stop_at

    def __call__(self, value: int) -> int:
        self.left -= 1
        if self.left == 0:
            self.happen()
        os.write(self.log, b"%d\n" % value)
        time.sleep(0.001)
        return value * 2

    def happen(self) -> None:
        if self.stop == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
        elif self.stop == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
        elif self.stop == "raises":
            raise ValueError("out of memory")
        elif self.stop == "disk":
            steps.install(steps.FailAt(1, 28, more=1_000_000))


def prepared(folder: Path, stop: str | None = None, stop_at: int = 0) -> duckdb.DuckDBPyConnection:
    """A connection that has the function."""
    con = space_sql.connect()
    con.execute("SET threads = 2")
    return space_sql.register_function(con, "costly", Costly(folder, stop, stop_at), ["BIGINT"], "BIGINT", version="1")


def materialize(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The view ``view`` of ``raw``."""
    query = f"SELECT id, costly(n) AS n FROM {call_sql('space_scan', folder / 'raw')}"
    call(con, "space_materialize", folder / "view", query)


def calls(folder: Path) -> list[int]:
    """What the function was called with so far, by all processes."""
    log = folder / "calls"
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def stopped(pipe: Any, folder: Path, function: str, stop: str, stop_at: int) -> None:
    """Materialize or refresh in a process of its own, which is stopped; says the error."""
    computed.FIRST, computed._SLICE = 0.0, 0.02  # batches as small as they get, so that little time is enough
    con = prepared(folder, stop, stop_at)
    try:
        if function == "space_materialize":
            materialize(con, folder)
        else:
            call(con, function, folder / "view")
        pipe.send("done")
    except (duckdb.Error, RuntimeError, KeyboardInterrupt) as error:
        pipe.send(str(error))
