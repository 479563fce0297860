"""The 22 queries of TPC-H as materialized views: exact after every refresh, and most of them incremental.

SPACE_SQL_LONG=1 does twenty rounds of the refresh functions and edits on more rows; `python -m tests.tpch.table`
writes docs/tpch.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.property.views.surface import explained
from tests.tpch.changes import Warehouse
from tests.tpch.table import PAGE, table
from tests.tpch.tables import Population
from tests.tpch.views import QUERIES, Views

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
ROUNDS = int(os.environ.get("SPACE_SQL_ROUNDS", "20" if LONG else "1"))
SCALE = float(os.environ.get("SPACE_SQL_SCALE", "0.0005" if LONG else "0.0001"))
EDITS = 2 if LONG else 13
FULL: frozenset[str] = frozenset()
"""Queries that have no rule."""


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with scratch_folder() as folder, space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        yield Warehouse(con, folder, Population(SCALE))


@pytest.mark.property
def test_every_query_is_exact_after_the_refresh_functions(warehouse: Warehouse) -> None:
    views = Views(warehouse)
    rows = {name: explained(warehouse.con, name) for name in QUERIES}
    assert PAGE.read_text(encoding="utf-8").endswith(table(rows)), "run `python -m tests.tpch.table`"
    for name in QUERIES:
        views.materialize(name)
        views.check(name)
    for number in range(ROUNDS):
        warehouse.new_sales(max(1, warehouse.population.orders // 1000))
        warehouse.old_sales(max(1, warehouse.population.orders // 1000))
        for edit in range(number * EDITS, (number + 1) * EDITS):
            warehouse.edit(edit)
        for name in QUERIES:
            policy = views.refresh(name, "auto" if name in FULL else "incremental")
            assert policy in ("none", "full" if name in FULL else "incremental"), name
            views.check(name)
        assert {views.refresh(name) for name in QUERIES} == {"none"}
