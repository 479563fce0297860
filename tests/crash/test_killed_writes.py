"""A process is killed at every step of every write; what it leaves is whole."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, rows
from tests.crash.child import process, received, write_once
from tests.crash.conftest import Bases
from tests.crash.contents import contents, head
from tests.crash.steps import KillAt
from tests.crash.writes import WRITES

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


def steps_to_kill_at(name: str) -> itertools.count[int]:
    """Every step; in the short form, every fifth one of most writes."""
    return itertools.count(1, 1 if LONG or name == "upsert" else 5)


@pytest.mark.parametrize("name", list(WRITES))
def test_a_killed_write_is_wholly_there_or_wholly_absent(
    name: str, bases: Bases, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    write = WRITES[name]
    template = None if write.before is None else bases(write.before)
    done = scratch / "done"
    if template is not None:
        shutil.copytree(template, done)
    before = contents(reader, done)
    write.run(reader, done)
    after = contents(reader, done)
    assert after is not None
    assert after != before
    for number in steps_to_kill_at(name):
        path = scratch / str(number)
        if template is not None:
            shutil.copytree(template, path)
        with process(write_once, name, path, KillAt(number)) as (child, pipe):
            said = received(pipe)
            child.join()
        found = contents(reader, path)
        assert found in (before, after), f"killed at step {number}"
        if child.exitcode == 0:
            ((result, _steps),) = said
            assert isinstance(result, tuple), result
            assert found == after
            break
        assert (child.exitcode, said) == (-signal.SIGKILL, [])
        write.run(reader, path)
        assert contents(reader, path) == after, f"killed at step {number}, and done again with the same commit key"
        assert call(reader, "space_append", path, "SELECT 1000 AS id")[0] == head(after) + 1
        assert 1000 in [row[0] for row in rows(reader, path)]
        shutil.rmtree(path)
