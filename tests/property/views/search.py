"""Runs cases of many seeds, and tells of a failing one as a `.test` file."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.hosts.extension import built
from tests.property.views.cases import Case
from tests.property.views.queries import Queries
from tests.property.views.running import Running, Wrong
from tests.property.views.script import ZONE, script
from tests.property.views.steps import Step


@contextmanager
def running() -> Iterator[Running]:
    """An empty folder, and a connection that does not sync and holds no views."""
    con = connection()
    try:
        with scratch_folder() as folder:
            yield Running(con, folder)
    finally:
        drop_views(con)


def drop_views(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the views of a case."""
    found = con.execute("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'view\\_%' ESCAPE '\\'").fetchall()
    for (name,) in found:
        con.execute(f"DROP VIEW {name}")


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """The connection that all cases share: making one costs more than a refresh."""
    if os.environ.get("SPACE_SQL_HOSTS") == "extension":
        con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        con.load_extension(str(built()))
    else:
        con = space_sql.connect()
    con.execute("SET VARIABLE space_sync = false")
    con.execute("SET threads = 1")
    con.execute(f"SET TimeZone = '{ZONE}'")
    return con


def run(steps: list[Step]) -> tuple[Running, Wrong | None]:
    """Do all steps in a folder of their own; what was wrong."""
    with running() as here:
        try:
            for step in steps:
                here.do(step)
        except Wrong as wrong:
            return here, wrong
    return here, None


def search(
    first: int, refreshes: int, *, shrink_seconds: float = 120, queries: type[Queries] = Queries
) -> tuple[Counter[str], Counter[str]]:
    """Run cases from a seed on until that many refreshes were right.

    Returns what was counted, and the reasons of full refreshes; an AssertionError holds the `.test` file of a failure.
    """
    counted: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in itertools.count(first):
        if counted["refreshes"] >= refreshes:
            return counted, reasons
        steps = list(Case(seed, queries=queries).steps())
        here, wrong = run(steps)
        if wrong is not None:
            raise AssertionError(report(seed, steps, wrong, shrink_seconds))
        counted += here.counted
        counted["cases"] += 1
        reasons += here.reasons
    raise AssertionError


def _kinds(wrong: Wrong) -> set[str]:
    """Which errors of DuckDB's own it tells of."""
    return {kind for kind in ("INTERNAL", "Catalog Error", "Binder Error", "Parser Error") if kind in str(wrong)}


def report(seed: int, steps: list[Step], wrong: Wrong, shrink_seconds: float) -> str:
    """The failure of a case, made small, as a `.test` file."""

    def fails(tried: list[Step]) -> bool:
        found = run(tried)[1]
        return found is not None and found.law == wrong.law and _kinds(found) == _kinds(wrong)

    if shrink_seconds:
        from tests.property.views.shrink import shrunk  # needs sqlglot, and only where something failed

        steps = shrunk(steps, fails, shrink_seconds)
    here, again = run(steps)
    return f"seed {seed}\n" + script(f"seed_{seed}", str(again or wrong), here.done, here.check)
