"""A writer among others: random writes on one dataset, each told before it starts and when it is acknowledged."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

import space_sql
from tests.concurrency.sql import Row, call, call_sql, kind

SHARED = 20
"""Keys below this are upserted, updated and deleted by everybody."""

INSERTED, APPENDED = 1_000, 1_000_000
KINDS = {"append": 4, "upsert": 6, "insert": 3, "update": 4, "delete": 3, "tag": 1, "branch": 1, "upsert on dev": 2}


@dataclass(frozen=True)
class Planned:
    """A write before it is done; its message is in the log when it was committed."""

    message: str
    kind: str
    function: str
    arguments: tuple[str, ...]
    named: dict[str, str] = field(default_factory=dict)
    rows: tuple[tuple[int, str, int], ...] = ()
    keys: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Done:
    """What became of a write: its result when it was acknowledged, else the kind of its error."""

    planned: Planned
    seen: int
    result: Row | None = None
    error: str | None = None


def create(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The dataset of the workers, with a branch dev."""
    call(con, "space_create", path, columns="id BIGINT, owner VARCHAR, n BIGINT", primary_keys=["id"])
    call(con, "space_branch", path, "dev")


class Worker:
    """Plans and does writes; ``name`` is different for every worker that a dataset ever had."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
        self.con, self.path, self.name = con, path, name
        self.random = random.Random(name)
        self.count = 0

    def plan(self) -> Planned:
        """The next write."""
        self.count += 1
        message = f"{self.name}:{self.count}"
        what = self.random.choices(list(KINDS), list(KINDS.values()))[0]
        if what in ("tag", "branch"):
            return Planned(message, what, f"space_{what}", (f"{what}_{self.name}_{self.count}",))
        if what in ("update", "delete"):
            low = self.random.randrange(SHARED)
            keys = (low, low + self.random.randrange(3))
            predicate = f"id BETWEEN {keys[0]} AND {keys[1]}"
            arguments = (predicate,) if what == "delete" else ("n = n + 1", predicate)
            return Planned(message, what, f"space_{what}", arguments, keys=keys)
        chosen = self._rows(what, message)
        values = ", ".join(f"({key}, '{owner}', {n})" for key, owner, n in chosen)
        source = f"FROM (VALUES {values}) t(id, owner, n)"
        named = {"branch": "dev"} if what == "upsert on dev" else {}
        return Planned(message, what, f"space_{what.split()[0]}", (source,), named, rows=chosen)

    def _rows(self, what: str, owner: str) -> tuple[tuple[int, str, int], ...]:
        some = self.random.randint(1, 4)
        if what == "append":
            first = APPENDED + self.random.randrange(1 << 40)
            return tuple((first + i, owner, i) for i in range(some))
        if what == "insert":
            return tuple((INSERTED + key, owner, 0) for key in self.random.sample(range(400), some))
        return tuple((key, owner, self.random.randrange(3)) for key in self.random.sample(range(SHARED), some))

    def do(self, planned: Planned) -> Done:
        """One write; conflicts and keys that exist are results like others, anything else is raised."""
        ((seen,),) = self.con.execute(f"SELECT max(snapshot_id) FROM {call_sql('space_refs', self.path)}").fetchall()
        try:
            result = call(
                self.con, planned.function, self.path, *planned.arguments, message=planned.message, **planned.named
            )
        except duckdb.Error as error:
            known = ("conflict", "invalid-input") if planned.kind == "insert" else ("conflict",)
            if kind(error) not in known:
                raise
            return Done(planned, seen, error=kind(error))
        return Done(planned, seen, result=result)


def work(pipe: Any, path: Path, name: str, writes: int, sync: bool) -> None:
    """A process: tells each write before and after."""
    con = space_sql.connect()
    con.execute(f"SET VARIABLE space_sync = {str(sync).lower()}")
    worker = Worker(con, path, name)
    pipe.send("ready")
    for _ in range(writes):
        planned = worker.plan()
        pipe.send(planned)
        pipe.send(worker.do(planned))


def work_here(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, writes: int, tell: Callable[[Any], object]
) -> None:
    """The same in a thread of this process."""
    worker = Worker(con, path, name)
    for _ in range(writes):
        planned = worker.plan()
        tell(planned)
        tell(worker.do(planned))
