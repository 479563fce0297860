"""Datasets as tables by their names: a view for each of those below a folder, as of one version."""

from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb

from space_sql.dataset.dataset import find_datasets, open_dataset
from space_sql.dataset.plain import shown
from space_sql.dataset.publish import view_name
from space_sql.errors import SpaceError
from space_sql.format.names import MAIN
from space_sql.format.types import quote_identifier, quote_literal


class Tables:
    """The views of one database: they read what is newest when they are read, with the columns of the last refresh."""

    def __init__(self, root: Path, version: str | None = None) -> None:
        self.root = root
        self.version = version or MAIN
        self._known: dict[str, tuple[str, int]] = {}

    def names(self) -> dict[str, Path]:
        """The datasets by name, in path order."""
        return {view_name(self.root, path): path for path in find_datasets(self.root)}

    def refresh(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make them anew where a dataset has changed; one that cannot be read, or lacks the version, has none."""
        there = self.names()
        for name in [known for known in self._known if known not in there]:
            self._drop(con, name)
        for name, path in there.items():
            try:
                self._show(con, name, path)
            except (SpaceError, duckdb.Error):
                self._drop(con, name)

    def _drop(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        if self._known.pop(name, None):
            with contextlib.suppress(duckdb.Error):
                con.execute(f"DROP VIEW IF EXISTS {quote_identifier(name)}")

    def _show(self, con: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
        view = open_dataset(str(path)).view()
        snapshot_id = view.resolve(self.version)
        key = (view.dataset_id, snapshot_id)
        if self._known.get(name) == key:
            return
        state = view.state(snapshot_id)
        columns = shown(state)
        source = (
            f"space_scan({quote_literal(str(path))}, version => {quote_literal(self.version)}, records => 'address')"
        )
        quoted = quote_identifier(name)
        con.execute(f"CREATE OR REPLACE VIEW {quoted} AS SELECT {', '.join(c.sql for c in columns)} FROM {source}")
        self._known[name] = key
        if state.schema.comment:
            con.execute(f"COMMENT ON VIEW {quoted} IS {quote_literal(state.schema.comment)}")
        for column in columns:
            if column.comment:
                named = f"{quoted}.{quote_identifier(column.name)}"
                con.execute(f"COMMENT ON COLUMN {named} IS {quote_literal(column.comment)}")
