"""The disk fails at every step of every write: one clear line, and nothing is lost."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.concurrency.sql import call, kind_and_message
from tests.crash.child import process, received, write_once
from tests.crash.contents import contents, head
from tests.crash.steps import FailAt
from tests.crash.writes import WRITES

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
ALWAYS = 10_000
CODES = [errno.ENOSPC, errno.EIO] if LONG else [errno.ENOSPC]


def as_error(text: str) -> duckdb.Error:
    return duckdb.Error(text)


@pytest.mark.parametrize("code", CODES, ids=os.strerror)
@pytest.mark.parametrize("more", [0, ALWAYS], ids=["once", "from_then_on"])
@pytest.mark.parametrize("name", list(WRITES) if LONG else ["upsert", "create from a source"])
def test_a_write_whose_disk_fails_says_so_in_one_line_and_is_wholly_absent_or_there(
    name: str, code: int, more: int, copied: Callable[[str | None], Path], reader: duckdb.DuckDBPyConnection
) -> None:
    write = WRITES[name]
    done = copied(write.before)
    before = contents(reader, done)
    write.run(reader, done)
    after = contents(reader, done)
    failures = 0
    for number in itertools.count(1, 1 if LONG else 4):
        path = copied(write.before)
        with process(write_once, name, path, FailAt(number, code, more)) as (_, pipe):
            ((result, steps),) = received(pipe)
        found = contents(reader, path)
        if isinstance(result, str):
            failures += 1
            kind, message = kind_and_message(as_error(result))
            assert kind == "storage", message
            if "nothing was committed" in message:
                assert found == before, f"{message} (at step {number})"
            assert found in (before, after), f"{message} (at step {number})"
            if code == errno.ENOSPC and found == before:
                assert "nothing was committed" in message
        else:
            assert found == after, f"acknowledged at step {number}"
        write.run(reader, path)
        assert contents(reader, path) == after, f"failed at step {number}, and done again with the same commit key"
        assert call(reader, "space_append", path, "SELECT 1000 AS id")[0] == head(after) + 1
        shutil.rmtree(path)
        if number > steps:
            break
    assert failures
