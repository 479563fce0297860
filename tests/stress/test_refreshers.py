"""Several processes refresh one view while others write to its sources: every snapshot of it is exact."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call, call_sql, kind_and_message
from tests.crash.child import process, received
from tests.crash.views import check_history, create_sources, materialize, prepared
from tests.property.views.surface import positions

pytestmark = pytest.mark.stress
LONG = bool(os.environ.get("SPACE_SQL_LONG"))


def refresh(pipe: Any, folder: Path, times: int) -> None:
    """A process that refreshes; tells each result, or the error."""
    con = prepared(space_sql.connect())
    con.execute("SET VARIABLE space_sync = false")
    for _ in range(times):
        try:
            pipe.send(call(con, "space_refresh", folder / "view"))
        except duckdb.Error as error:
            pipe.send(kind_and_message(error))


def write(pipe: Any, folder: Path, times: int, expire: bool) -> None:
    """A process that changes the sources; at times it makes them forget their past."""
    con = space_sql.connect()
    con.execute("SET VARIABLE space_sync = false")
    for number in range(times):
        rows = f"SELECT {number % 40} AS id, 'abcd'[{number} % 4 + 1] AS label, {number} AS n"
        call(con, "space_upsert", folder / "raw", rows)
        if number % 3 == 0:
            call(con, "space_delete", folder / "raw", f"id = {number % 11}")
        if number % 5 == 0:
            call(con, "space_append", folder / "names", f"SELECT 'abcd'[{number} % 4 + 1] AS label, 'new' AS long")
        if expire and number % 4 == 0:
            con.execute(f"FROM {call_sql('space_expire', folder / 'raw', keep_last=2)}").fetchall()
    pipe.send("done")


@pytest.mark.parametrize("query", ["rows", "groups", "join", *(["function"] if LONG else [])])
def test_refreshers_at_once_neither_repeat_nor_skip_a_change(query: str) -> None:
    times = 150 if LONG else 6
    with scratch_folder() as folder, space_sql.connect() as con, ExitStack() as stack:
        create_sources(prepared(con), folder)
        materialize(con, folder, query)
        writer = stack.enter_context(process(write, folder, times * 3, False))[1]
        refreshers = [stack.enter_context(process(refresh, folder, times))[1] for _ in range(2)]
        told = [said for pipe in refreshers for said in received(pipe)]
        assert received(writer) == ["done"]
        assert len(told) == 2 * times
        failed = Counter(said for said in told if isinstance(said[0], str))
        assert {said[0] for said in failed} <= {"conflict"}, failed
        call(con, "space_refresh", folder / "view")
        check_history(con, folder, query)
        ((head,),) = con.execute(f"SELECT snapshot_id FROM {call_sql('space_refs', folder / 'raw')}").fetchall()
        assert positions(con, folder / "view")["raw"] == head


def test_a_refresh_is_exact_or_fails_clearly_while_its_source_forgets_its_past() -> None:
    times = 100 if LONG else 6
    with scratch_folder() as folder, space_sql.connect() as con, ExitStack() as stack:
        create_sources(con, folder)
        materialize(con, folder, "groups")
        writer = stack.enter_context(process(write, folder, times * 3, True))[1]
        told = received(stack.enter_context(process(refresh, folder, times))[1])
        assert received(writer) == ["done"]
        assert {said[0] for said in told if isinstance(said[0], str)} <= {"conflict", "not-found"}
        call(con, "space_refresh", folder / "view")
        wanted = call_sql("space_scan", folder / "raw")
        rows = con.execute(f"SELECT label, count(*), sum(n), max(n) FROM {wanted} GROUP BY label").fetchall()
        stored = con.execute(f"FROM {call_sql('space_scan', folder / 'view')}").fetchall()
        assert sorted(rows, key=repr) == sorted(stored, key=repr)
