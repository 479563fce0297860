"""DuckDB in Node: one process for all databases, driven by lines of JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from tests.hosts.child import Child
from tests.sqllogic import Error

HERE = Path(__file__).parent / "node"
DRIVER = HERE / "driver.mjs"
PACKAGE = HERE / "node_modules/@duckdb/node-api/package.json"


def missing() -> str | None:
    """What Node needs and is not there."""
    if shutil.which("node") is None:
        return "there is no `node`"
    if not PACKAGE.exists():
        return "@duckdb/node-api is not installed: `npm install --prefix tests/hosts/node`"
    return None


class NodeHost:
    """Databases in one Node process; each connection runs ``prepare`` first."""

    def __init__(self, prepare: Sequence[str] = (), config: Mapping[str, str] | None = None) -> None:
        self._prepare = prepare
        self._config = dict(config or {})
        self._child: Child | None = None
        self._ids = count()
        version: str = json.loads(PACKAGE.read_text(encoding="utf-8"))["version"]
        line = "duckdb15" if version.startswith("1.") else "duckdb20"
        self.conditions = frozenset({"node", "extension", "connections", line})

    def connect(self, database: str, read_only: bool) -> NodeConnection:
        """Open a database with times shown in UTC."""
        config = {**self._config, **({"access_mode": "READ_ONLY"} if read_only else {})}
        con = NodeConnection(self, next(self._ids))
        self.ask({"open": con.id, "database": database, "config": config, "folder": str(Path.cwd())})
        for statement in ("SET GLOBAL TimeZone = 'UTC'", *self._prepare):
            con.execute(statement)
        return con

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a request; an Error says what DuckDB said."""
        if self._child is None:
            self._child = Child(["node", DRIVER])
        try:
            answer: dict[str, Any] = json.loads(self._child.ask(json.dumps(request) + "\n", "\n"))
        except AssertionError:
            self._child = None  # it is dead; the next file starts another
            raise
        if said := self._child.errors():
            raise AssertionError(f"Node wrote to standard error:\n{said}")
        if "error" in answer:
            raise Error(answer["error"])
        return answer

    def next_id(self) -> int:
        """The name of a new connection."""
        return next(self._ids)

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close("")
            self._child = None


class NodeConnection:
    """One connection in Node."""

    def __init__(self, host: NodeHost, id_: int) -> None:
        self._host = host
        self.id = id_

    def execute(self, sql: str) -> list[list[str]]:
        """Run SQL; an Error says what DuckDB said."""
        rows = self._host.ask({"run": self.id, "sql": sql})["rows"]
        return [["NULL" if cell is None else cell for cell in row] for row in rows]

    def cursor(self) -> NodeConnection:
        """Another connection to the same database."""
        con = NodeConnection(self._host, self._host.next_id())
        self._host.ask({"cursor": con.id, "of": self.id})
        return con

    def close(self) -> None:
        """Close this connection; the database closes with its last one."""
        self._host.ask({"close": self.id})
