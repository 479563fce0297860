"""Putting groups that are added to on a view's stored rows: what finds the old row of a group tells its place too."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from space_sql.dataset.engine import cursor
from space_sql.dataset.rewrite import write_query
from space_sql.dataset.scan import FILE, POS
from space_sql.format.carriers import physical_projection
from space_sql.format.data_file import DataFile
from space_sql.format.state import State
from space_sql.format.types import quote_identifier
from space_sql.views.apply import Applied, apply_with, written
from space_sql.views.compiled import TOUCHED, Touched

_STAYS, _HELD = "v1 > 0", f"{FILE} IS NOT NULL"


def combine(root: Path, state: State, touched: Touched, *, sync: bool) -> Applied:
    """Files for the groups that came or have another row, and the positions of the rows that they had.

    Where a group must be computed from its rows, all weighted rows are put on the view as ``apply`` does.
    """
    with cursor() as con:
        con.execute(f"CREATE TEMP TABLE {TOUCHED} AS {touched.sql}")
        kinds = {
            "insert": f"{_STAYS} AND NOT {_HELD}",
            "update": f"{_STAYS} AND {_HELD} AND NOT _space_same",
            "delete": f"NOT {_STAYS} AND {_HELD}",
        }
        counts = ", ".join(f"count(*) FILTER ({kind})" for kind in kinds.values())
        ((anew, *counted),) = con.execute(f"SELECT coalesce(bool_or(v0), false), {counts} FROM {TOUCHED}").fetchall()
        keys = {c.name for c in state.schema.keys}
        if anew or keys != set(touched.keyed) or len(keys) == len(state.schema.columns):
            return apply_with(con, root, state, touched.anew, sync=sync)
        return _Combining(con, root, state, touched, sync).run(dict(zip(kinds, counted, strict=True)), kinds)


class _Combining:
    def __init__(self, con: duckdb.DuckDBPyConnection, root: Path, state: State, touched: Touched, sync: bool) -> None:
        self.con, self.root, self.state, self.touched, self.sync = con, root, state, touched, sync

    def run(self, counts: dict[str, int], kinds: dict[str, str]) -> Applied:
        """Write what there is of each kind of change."""
        gone = {kind: self._gone(kinds[kind]) for kind in ("delete", "update") if counts[kind]}

        def come() -> list[DataFile]:
            return [f for kind in ("insert", "update") if counts[kind] for f in self._come(kind, kinds[kind])]

        files, deletes = written(self.root, gone, come, sync=self.sync)
        return Applied(counts["insert"], counts["update"], counts["delete"], files, deletes)

    def _come(self, change: str, where: str) -> list[DataFile]:
        columns = self.state.schema.columns
        places = dict(self.touched.places)
        items = ", ".join(
            f"{physical_projection(c.type, f'CAST({places[c.name]} AS {c.type})')} AS {quote_identifier(c.name)}"
            for c in columns
        )
        query = f"SELECT {items} FROM {TOUCHED} WHERE {where}"
        return write_query(self.con, self.root, query, columns, change, sync=self.sync)

    def _gone(self, where: str) -> pa.Table:
        return self.con.sql(f"SELECT {FILE} AS file, {POS} AS pos FROM {TOUCHED} WHERE {where}").to_arrow_table()
