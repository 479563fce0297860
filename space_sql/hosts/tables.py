"""Datasets as tables by their names: a view for each of those below a folder, as of a version."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb

from space_sql.dataset.dataset import find_datasets, open_dataset
from space_sql.dataset.plain import shown
from space_sql.dataset.publish import view_name
from space_sql.errors import SpaceError
from space_sql.format.names import MAIN
from space_sql.format.types import quote_identifier, quote_literal

_Name: TypeAlias = tuple[str, str]
"""Schema and name."""


class Tables:
    """The views of one database: they read what is newest when they are read, with the columns of the last refresh.

    In the schema ``main`` they are as of ``version``, in one of each of ``schemas`` as of the version of that name.
    Of two datasets whose names differ by upper and lower case only, the first is there.
    """

    def __init__(self, root: Path, version: str | None = None, schemas: Sequence[str] = ()) -> None:
        self.root = root
        self.versions = {MAIN: version or MAIN, **{name: name for name in schemas}}
        self._known: dict[_Name, tuple[str, int]] = {}

    def names(self) -> dict[str, Path]:
        """The datasets by name, in path order."""
        return {view_name(self.root, path): path for path in find_datasets(self.root)}

    def shown(self) -> Collection[_Name]:
        """The views that there are, by schema and name."""
        return self._known.keys()

    def refresh(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make them anew where a dataset has changed; one that cannot be read, or lacks the version, has none."""
        there: dict[str, tuple[str, Path]] = {}
        for name, path in self.names().items():
            there.setdefault(name.casefold(), (name, path))
        wanted = {(schema, name): path for schema in self.versions for name, path in there.values()}
        for known in [known for known in self._known if known not in wanted]:
            self._drop(con, known)
        for named, path in wanted.items():
            try:
                self._show(con, named, path)
            except (SpaceError, duckdb.Error):
                self._drop(con, named)

    def _drop(self, con: duckdb.DuckDBPyConnection, named: _Name) -> None:
        if self._known.pop(named, None):
            with contextlib.suppress(duckdb.Error):
                con.execute(f"DROP VIEW IF EXISTS {_quoted(named)}")

    def _show(self, con: duckdb.DuckDBPyConnection, named: _Name, path: Path) -> None:
        view = open_dataset(str(path)).view()
        version = self.versions[named[0]]
        snapshot_id = view.resolve(version)
        key = (view.dataset_id, snapshot_id)
        if self._known.get(named) == key:
            return
        state = view.state(snapshot_id)
        columns = shown(state)
        source = f"space_scan({quote_literal(str(path))}, version => {quote_literal(version)}, records => 'address')"
        quoted = _quoted(named)
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(named[0])}")
        con.execute(f"CREATE OR REPLACE VIEW {quoted} AS SELECT {', '.join(c.sql for c in columns)} FROM {source}")
        self._known[named] = key
        if state.schema.comment:
            con.execute(f"COMMENT ON VIEW {quoted} IS {quote_literal(state.schema.comment)}")
        for column in columns:
            if column.comment:
                told = f"{quoted}.{quote_identifier(column.name)}"
                con.execute(f"COMMENT ON COLUMN {told} IS {quote_literal(column.comment)}")


def _quoted(named: _Name) -> str:
    return ".".join(quote_identifier(part) for part in named)
