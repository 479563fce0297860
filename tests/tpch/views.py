"""The queries as views over the datasets, and whether what is stored is what they give."""

from __future__ import annotations

from pathlib import Path

from tests.concurrency.sql import call_sql, literal
from tests.property.views.oracle import difference
from tests.property.views.surface import positions
from tests.tpch.changes import Warehouse
from tests.tpch.tables import COLUMNS

QUERIES = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "queries").glob("q*.sql"))
}


class Views:
    """The 22 queries over a warehouse; each is materialized in a folder of its name."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.con = warehouse.con
        self.folder = warehouse.folder
        for name, query in QUERIES.items():
            self.con.execute(f"CREATE VIEW {name} AS {query}")

    def materialize(self, name: str) -> None:
        """Store a query's result."""
        self.con.execute(f"CALL {call_sql('space_materialize', self.folder / f'{name}_mv', name)}").fetchall()

    def refresh(self, name: str, policy: str = "auto") -> str:
        """Refresh it; returns the policy that was followed."""
        call = call_sql("space_refresh", self.folder / f"{name}_mv", policy=policy)
        ((done,),) = self.con.execute(f"SELECT policy FROM {call}").fetchall()
        return str(done)

    def check(self, name: str) -> None:
        """Compare with the query over the tables at the recorded versions."""
        path = self.folder / f"{name}_mv"
        at = positions(self.con, path)
        self.con.execute("DROP SCHEMA IF EXISTS recorded CASCADE")
        self.con.execute("CREATE SCHEMA recorded")
        for table in COLUMNS:
            if table in at:
                source = call_sql("space_scan", self.folder / table, version=str(at[table]))
                self.con.execute(f"CREATE VIEW recorded.{table} AS FROM {source}")
        try:
            self.con.execute("SET search_path = 'recorded,main'")
            found = difference(self.con, QUERIES[name], f"FROM space_scan({literal(str(path))})")
        finally:
            self.con.execute("RESET search_path")
        assert found is None, f"{name}: {found}"
