"""Processes made by fork, as data loaders make them, open connections of their own."""

from __future__ import annotations

import multiprocessing
import warnings
from pathlib import Path

import pytest

import space_sql
from tests.concurrency.sql import call, rows
from tests.crash.child import Pipe, received

pytestmark = pytest.mark.stress


def append_and_read(pipe: Pipe, path: Path, number: int) -> None:
    """In the forked process."""
    con = space_sql.connect()
    call(con, "space_append", path, f"SELECT {number} AS id")
    call(con, "space_upsert", path, f"SELECT {number} AS id, 'child' AS label")
    pipe.send([row for row in rows(con, path) if row[0] == number])


def test_forked_children_write_after_their_parent_did(tmp_path: Path) -> None:
    path = tmp_path / "ds"
    context = multiprocessing.get_context("fork")
    with space_sql.connect() as con:
        call(con, "space_create", path, columns="id BIGINT, label VARCHAR", primary_keys=["id"])
        call(con, "space_upsert", path, "SELECT 1 AS id, 'parent' AS label")
        for number in (2, 3):
            here, there = context.Pipe()
            child = context.Process(target=append_and_read, args=(there, path, number), daemon=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forking while threads run, from Python 3.12
                child.start()
            there.close()
            assert here.poll(30), "the child hangs"
            assert received(here) == [[(number, "child")]]
            child.join()
            assert child.exitcode == 0
        assert rows(con, path) == [(1, "parent"), (2, "child"), (3, "child")]
        assert call(con, "space_delete", path, "id > 1")[4] == 2
