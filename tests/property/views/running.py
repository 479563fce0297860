"""Does the steps of a case, and looks at everything after each refresh."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from tests.concurrency.sql import kind_and_message
from tests.property.views.oracle import difference
from tests.property.views.steps import FOLDER, Step, expanded, pinned, scan, sources
from tests.property.views.surface import explained, positions

MOST_ROWS = 20_000
"""Rows that a view of a case may have at first."""


class Wrong(Exception):
    """Something is not as promised; ``law`` says which promise."""

    def __init__(self, law: str, message: str) -> None:
        super().__init__(f"{law}: {message}")
        self.law = law


class Running:
    """The datasets of a case on the disk, and the views over them.

    Steps that fail where the plain query would fail too, and writes that are refused, are passed over.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con = con
        self.folder = folder
        self.views: dict[str, str] = {}
        self.queries: dict[str, str] = {}
        self.counted: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.explained: Counter[str] = Counter()
        self.done: list[tuple[str, str | None]] = []
        self.check: str | None = None
        self.rules: tuple[str, ...] = ()

    def do(self, step: Step) -> None:
        """Do a step; raises Wrong."""
        match step.kind:
            case "write":
                self.tried(step.sql)
            case "view":
                if self.tried(step.sql):
                    self.views[step.name] = step.text
            case "materialize":
                self.materialize(step)
            case "refresh":
                self.refresh(step)

    def statement(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement of the case, and remember what came of it."""
        try:
            found = self.execute(sql)
        except duckdb.Error as error:
            self.done.append((sql, str(error)))
            raise
        self.done.append((sql, None))
        return found

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql.replace(FOLDER, str(self.folder))).fetchall()

    def tried(self, sql: str) -> bool:
        """Whether a statement went through; errors that are none of ours are passed over."""
        try:
            self.statement(sql)
        except duckdb.Error as error:
            if "Traceback" in str(error) or "INTERNAL" in str(error):
                raise Wrong("clear errors", f"{sql}\n{error}") from None
            self.counted["writes refused"] += 1
            return False
        verb = sql.split("(")[0].split()[-1] if sql.startswith("CALL") else "CREATE TABLE"
        self.counted[f"wrote by {verb}{' evolve' if 'evolve => true' in sql else ''}"] += 1
        return True

    def materialize(self, step: Step) -> None:
        query = expanded(step.text, self.views)
        if not self.possible(query):
            return
        ((rows,),) = self.execute("SELECT count(*) FROM tried_")
        if rows > MOST_ROWS:  # what is made of such a view takes minutes
            self.counted["too many rows"] += 1
            return
        try:
            self.statement(step.sql)
        except duckdb.Error as error:
            _, message = clear(step, error)
            raise Wrong("materialize", message) from None
        self.queries[step.name] = query
        self.counted["materialized"] += 1
        self.look(step.name)

    def possible(self, query: str, versions: dict[str, Any] | None = None) -> bool:
        """Whether the plain query runs."""
        try:
            self.execute(f"CREATE OR REPLACE TEMP TABLE tried_ AS {pinned(query, versions) if versions else query}")
        except duckdb.Error:
            return False
        return True

    def refresh(self, step: Step) -> None:
        name = step.name
        if name not in self.queries:
            return
        before = self.head(name)
        positions = self.positions(name)
        heads = {source: self.head(source) for source in sources(self.queries[name])}
        promised = self.promise(name)
        arguments = step.text.replace("'promised'", "'incremental'" if promised else "'auto'")
        older = "back" in arguments or "version =>" in arguments
        arguments = arguments.replace("back", "version => 'main~1'")
        try:
            ((*row,),) = self.statement(f"CALL space_refresh('{FOLDER}/{name}'{arguments})")
        except duckdb.Error as error:
            if "Traceback" in str(error) or "INTERNAL" in str(error):
                raise Wrong("clear errors", f"{step.sql}\n{error}") from None
            if "schema-changed" in str(error) and "incremental" in arguments and self.altered(positions, heads):
                self.counted["schema changed"] += 1
                self.refresh(Step("refresh", name, ""))
                return
            if not older and self.possible(self.queries[name]):
                _, message = clear(step, error)
                raise Wrong("refresh", f"{arguments} {message}") from None
            if self.head(name) != before:
                raise Wrong("all or nothing", f"a failed refresh moved {name}") from None
            self.counted["refresh impossible"] += 1
            return
        snapshot, policy, _, *counts, _, reason = row
        self.counted["refreshes"] += 1
        if "version => 'at" in arguments:
            self.counted["refreshes to a tag or branch"] += 1
        self.counted[f"policy {policy}"] += 1
        if policy == "incremental":
            self.counted.update(f"incremental {rule}" for rule in self.rules)
        if policy == "full":
            self.reasons[re.sub(r"\d+|'[^']*'", "#", str(reason))] += 1
            if not reason:
                raise Wrong("no silent full", f"{row}")
            if "incremental" in arguments:
                raise Wrong("promise", f"asked for incremental, did {row}")
        now = self.head(name)
        if now != snapshot:
            raise Wrong("result", f"says snapshot {snapshot}, is {now}")
        if heads == positions and not older and "full" not in arguments and now != before:
            raise Wrong("nothing to do", f"{row} after {before}")
        self.counts(name, before, now, counts)
        self.look(name)
        reached = self.positions(name)
        if not older and reached != heads:
            if policy != "none":
                raise Wrong("positions", f"{reached}, not the heads {heads}")
            self.look(name, heads)  # the sources have moved, and hold the same rows

    def altered(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Whether the columns of a source are others than they were."""

        def columns(versions: dict[str, Any]) -> list[list[tuple[Any, ...]]]:
            return [self.execute(f"DESCRIBE {pinned(f'FROM {scan(name)}', versions)}") for name in sorted(versions)]

        return columns(old) != columns(new)

    def counts(self, name: str, before: Any, now: Any, counts: list[Any]) -> None:
        """The counts of the result are those of the change feed."""
        feed = Counter(
            dict(
                self.execute(
                    f"SELECT change_type, count(*) FROM space_changes('{FOLDER}/{name}', '{before}', '{now}') "
                    "GROUP BY change_type"
                )
            )
            if before != now
            else {}
        )
        told = [feed["insert"], feed["update_postimage"], feed["delete"]]
        if told != counts:
            raise Wrong("counts", f"says {counts}, the change feed {told}")

    def look(self, name: str, versions: dict[str, Any] | None = None) -> None:
        """The rows stored are those of the query over the sources at the recorded versions, or at those given."""
        query = pinned(self.queries[name], versions or self.positions(name))
        try:
            found = difference(
                self.con,
                query.replace(FOLDER, str(self.folder)),
                f"FROM {scan(name)}".replace(FOLDER, str(self.folder)),
            )
        except duckdb.Error as error:
            raise Wrong("oracle", f"{error}") from None
        if found:
            self.check = (
                f"SELECT count(*) FROM ((({query}) EXCEPT ALL FROM {scan(name)}) "
                f"UNION ALL (FROM {scan(name)} EXCEPT ALL ({query})))"
            )
            raise Wrong("rows", found)

    def head(self, name: str) -> Any:
        ((found,),) = self.execute(f"SELECT snapshot_id FROM space_refs('{FOLDER}/{name}') WHERE name = 'main'")
        return found

    def positions(self, name: str) -> dict[str, Any]:
        """The versions of the sources that the newest snapshot of a view was computed from."""
        return positions(self.con, self.folder / name)

    def promise(self, name: str) -> bool:
        """Whether explain says that the next refresh can be incremental."""
        found = explained(self.con, str(self.folder / name))
        self.explained[found.reason.split(":")[0] or "incremental"] += 1
        self.rules = found.rules
        return found.incremental


def clear(step: Step, error: duckdb.Error) -> tuple[str, str]:
    """The kind and message of an error, which must be one clear line."""
    try:
        return kind_and_message(error)
    except AssertionError:
        if os.environ.get("SPACE_SQL_NO_SHRINK"):
            raise
        raise Wrong("clear errors", f"{step.sql}: {error}") from None
