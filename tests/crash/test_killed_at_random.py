"""Processes that write at once are killed at any moment, again and again, on one dataset."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.crash.child import process, received
from tests.stress.verdict import Verdict
from tests.stress.worker import Done, create, work

pytestmark = pytest.mark.crash
ROUNDS = 60 if os.environ.get("SPACE_SQL_LONG") else 3
WRITERS = 2


def test_what_was_acknowledged_outlives_any_number_of_kills(scratch: Path, reader: duckdb.DuckDBPyConnection) -> None:
    path = scratch / "ds"
    create(reader, path)
    chance = random.Random(5)
    told: list[Any] = []
    for round_ in range(ROUNDS):
        with ExitStack() as stack:
            workers = [
                stack.enter_context(process(work, path, f"r{round_}w{n}", 100_000, round_ % 2 == 0))
                for n in range(WRITERS)
            ]
            for _, pipe in workers:
                assert pipe.recv() == "ready"
            for child, _ in workers:
                time.sleep(chance.uniform(0.05, 0.5))
                os.kill(child.pid, signal.SIGKILL)
            for child, pipe in workers:
                told += received(pipe)
                child.join()
                assert child.exitcode == -signal.SIGKILL, "it was still at work"
        if round_ % 10 == 9 or round_ == ROUNDS - 1:
            Verdict(reader, path, told, killed=WRITERS * (round_ + 1)).check()
    assert sum(isinstance(t, Done) for t in told) > ROUNDS
