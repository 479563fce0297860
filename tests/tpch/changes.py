"""The refresh functions of TPC-H, and random edits of the other tables, on datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.concurrency.sql import call, literal
from tests.tpch.tables import COLUMNS, KEYS, Population, Rows, arrow, order_key


class Warehouse:
    """The eight tables as datasets in a folder, with views of their names."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, population: Population) -> None:
        self.con = con
        self.folder = folder
        self.population = population
        self.created = population.orders
        self.deleted = 0
        orders, lines = population.ordered([order_key(n) for n in range(population.orders)])
        for name, rows in {**population.small(), "orders": orders, "lineitem": lines}.items():
            source = self.source(name, rows)
            call(con, "space_create", folder / name, source=source, primary_keys=KEYS[name])
            con.execute(f"CREATE VIEW {name} AS FROM space_scan({literal(str(folder / name))})")

    def source(self, name: str, rows: Rows) -> str:
        """A query of these rows with the types of a table."""
        columns = [column.split(" ", 1) for column in COLUMNS[name].split(", ")]
        table = arrow(rows, [column for column, _ in columns])
        self.con.register(f"rows_of_{name}", table)
        casts = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in columns)
        return f"SELECT {casts} FROM rows_of_{name}"

    def new_sales(self, count: int) -> None:
        """RF1: new orders and their lines."""
        keys = [order_key(n) for n in range(self.created, self.created + count)]
        self.created += count
        orders, lines = self.population.ordered(keys)
        call(self.con, "space_append", self.folder / "orders", self.source("orders", orders))
        call(self.con, "space_append", self.folder / "lineitem", self.source("lineitem", lines))

    def old_sales(self, count: int) -> None:
        """RF2: the oldest orders and their lines are removed."""
        keys = ", ".join(str(order_key(n)) for n in range(self.deleted, self.deleted + count))
        self.deleted += count
        call(self.con, "space_delete", self.folder / "orders", f"o_orderkey IN ({keys})")
        call(self.con, "space_delete", self.folder / "lineitem", f"l_orderkey IN ({keys})")

    def edit(self, number: int) -> None:
        """One of the edits, in turn."""
        EDITS[number % len(EDITS)](self)

    def update(self, table: str, assignments: str, predicate: str) -> None:
        """Update rows of a table."""
        call(self.con, "space_update", self.folder / table, assignments, predicate)

    def some(self, key: str, parts: int = 40) -> str:
        """A condition that about one of so many rows fulfils."""
        return f"{key} % {parts} = {self.population.number(0, parts - 1)}"


EDITS: tuple[Callable[[Warehouse], None], ...] = (
    lambda w: w.update("supplier", "s_acctbal = s_acctbal + 100", w.some("s_suppkey", 5)),
    lambda w: w.update("customer", "c_mktsegment = 'BUILDING'", w.some("c_custkey")),
    lambda w: w.update("partsupp", "ps_supplycost = ps_supplycost - 7", w.some("ps_partkey", 20)),
    lambda w: w.update("part", "p_name = 'forest ' || p_name, p_brand = 'Brand#23'", w.some("p_partkey", 20)),
    lambda w: w.update("lineitem", "l_quantity = l_quantity + 1", w.some("l_orderkey")),
    lambda w: w.update("orders", "o_orderdate = o_orderdate + 31", w.some("o_orderkey")),
    lambda w: w.update("customer", "c_acctbal = -c_acctbal, c_nationkey = 3", w.some("c_custkey")),
    lambda w: w.update("supplier", "s_comment = 'Customer Complaints'", w.some("s_suppkey", 5)),
    lambda w: w.update("lineitem", "l_receiptdate = l_commitdate + 3", w.some("l_orderkey")),
    lambda w: w.update("partsupp", "ps_availqty = ps_availqty // 2", w.some("ps_partkey", 10)),
    lambda w: call_compact(w, "lineitem"),
    lambda w: w.update("nation", "n_regionkey = (n_regionkey + 1) % 5", w.some("n_nationkey", 12)),
    lambda w: replaced(w),
)


def call_compact(warehouse: Warehouse, table: str) -> None:
    """Merge the files of a table: no change of any row."""
    call(warehouse.con, "space_compact", warehouse.folder / table)


def replaced(warehouse: Warehouse) -> None:
    """Other rows for some parts, by upsert."""
    rows = [warehouse.population.part(warehouse.population.number(1, warehouse.population.parts)) for _ in range(3)]
    rows = list({row[0]: row for row in rows}.values())
    call(warehouse.con, "space_upsert", warehouse.folder / "part", warehouse.source("part", rows))
