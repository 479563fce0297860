"""A file of views is replaced whole or not at all: by a process that is killed, and by two at the same time."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from space_sql.dataset import engine
from tests.concurrency.sql import call
from tests.crash import steps
from tests.crash.child import Pipe, process, received

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
ROUNDS = 40 if LONG else 4


@pytest.fixture
def folder(scratch: Path) -> Path:
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        for name in ("one", "two"):
            call(con, "space_create", scratch / "data" / name, source="SELECT 1 AS id", primary_keys=["id"])
    return scratch / "data"


def publish(folder: Path, file: Path) -> None:
    with space_sql.connect() as con:
        con.execute("FROM space_publish($folder, $file)", {"folder": str(folder), "file": str(file)}).fetchall()


def shown(file: Path) -> dict[str, int]:
    """The rows of each view, as a DuckDB with nothing loaded counts them."""
    with duckdb.connect(str(file), read_only=True) as con:
        names = [name for (name,) in con.execute("SELECT view_name FROM space_catalog.views").fetchall()]
        return {name: len(con.execute(f'FROM main."{name}"').fetchall()) for name in names}


def publish_once(_pipe: Pipe, folder: Path, file: Path, number: int) -> None:
    with engine.cursor() as warm:
        warm.execute("SELECT 1")
    steps.install(steps.KillAt(number))
    publish(folder, file)


def publish_often(pipe: Pipe, folder: Path, file: Path) -> None:
    for _ in range(ROUNDS):
        try:
            publish(folder, file)
        except duckdb.Error as error:
            pipe.send(str(error))
    pipe.send("done")


def test_a_killed_publish_leaves_the_old_file_or_the_new_one(folder: Path, scratch: Path) -> None:
    file = scratch / "catalog.duckdb"
    publish(folder, file)
    before = file.read_bytes()
    with space_sql.connect() as con:
        call(con, "space_append", folder / "one", "SELECT 2 AS id")
    ends = []
    for number in itertools.count(1, 1 if LONG else 4):
        with process(publish_once, folder, file, number) as (child, pipe):
            assert received(pipe) == []
            child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        ends.append(file.read_bytes() == before)
        assert shown(file) == {"one": 1 if ends[-1] else 2, "two": 1}
    assert ends == sorted(ends, reverse=True)
    assert set(ends) == {True, False}
    assert shown(file) == {"one": 2, "two": 1}


def test_two_publish_at_the_same_time_while_a_third_reads(folder: Path, scratch: Path) -> None:
    file = scratch / "catalog.duckdb"
    publish(folder, file)
    told: list[Any] = []
    with (
        process(publish_often, folder, file) as (one, first),
        process(publish_often, folder, file) as (two, second),
    ):
        while one.is_alive() or two.is_alive():
            assert shown(file) == {"one": 1, "two": 1}
        told = received(first) + received(second)
    assert told == ["done", "done"]
    assert [path.name for path in scratch.glob("*catalog*")] == ["catalog.duckdb"]
