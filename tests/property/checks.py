"""Everything that can be read of a dataset, compared with the model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from tests.concurrency.sql import call_sql
from tests.property.model import Content, DiffRow, Shown, diff, diff_columns
from tests.property.values import Value, freeze
from tests.property.world import MAIN, Session, World


class Reading:
    """A connection that reads a dataset, beside the model of it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, world: World) -> None:
        self.con, self.path, self.world = con, path, world

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows."""
        result = self.con.execute(sql)
        names = [column[0] for column in result.description or ()]
        return names, result.fetchall()

    def rows(self, content: Content, version: str | None) -> None:
        """The rows, columns and types of a version."""
        named = {} if version is None else {"version": version}
        names, found = self.query(f"FROM {call_sql('space_scan', self.path, **named)}")
        assert names == [c.name for c in content.columns]
        assert bag(found) == content.shown(), f"rows of {version}"
        _, columns = self.query(
            f"SELECT column_name, column_type, primary_key FROM {call_sql('space_schema', self.path, **named)}"
        )
        shown = [(name, type_.replace('"', ""), key) for name, type_, key in columns]
        assert shown == [(c.name, c.type, c.id in content.keys) for c in content.columns]
        _, ((files, live),) = self.query(
            "SELECT count(*), coalesce(sum(row_count - deleted_count), 0) "
            f"FROM {call_sql('space_files', self.path, **named)}"
        )
        assert live == len(content.rows), f"{files} files of {version}"

    def version(self, name: str) -> None:
        """A branch or tag."""
        self.rows(self.world.content({**self.world.tags, **self.world.branches}[name]), name)

    def snapshot(self, snapshot_id: int) -> None:
        """A snapshot by its id; an expired one is refused."""
        if snapshot_id in self.world.expired:
            try:
                self.query(f"FROM {call_sql('space_scan', self.path, version=str(snapshot_id))}")
            except duckdb.Error as error:
                assert "was expired" in str(error)  # noqa: PT017 - raised or not, both are looked at
                return
            raise AssertionError(f"{snapshot_id} is expired, yet it can be read")
        self.rows(self.world.content(snapshot_id), str(snapshot_id))

    def as_of(self, number: int) -> None:
        """Main as of the time of an entry."""
        then = max(e.snapshot_id for e in self.world.entries[: number + 1] if e.advances and e.branch == MAIN)
        if number in self.world.expired or then in self.world.expired:
            return
        ((time,),) = self.query(
            f"SELECT snapshot_time::VARCHAR FROM {call_sql('space_snapshots', self.path)} WHERE snapshot_id = {number}"
        )[1]
        _, found = self.query(f"FROM {call_sql('space_scan', self.path)[:-1]}, as_of => TIMESTAMPTZ '{time}')")
        assert bag(found) == self.world.content(then).shown(), f"as of snapshot {number}"

    def refs(self) -> None:
        """Tags and branches."""
        expected = {(n, "branch", s) for n, s in self.world.branches.items()}
        expected |= {(n, "tag", s) for n, s in self.world.tags.items()}
        assert set(self.query(f"FROM {call_sql('space_refs', self.path)}")[1]) == expected

    def history(self) -> None:
        """All snapshots and the summary row."""
        _, found = self.query(
            "SELECT snapshot_id, parent_id, branch, operation, rows_inserted, rows_updated, rows_deleted, "
            f"author, message, merge_parent_id, tags FROM {call_sql('space_snapshots', self.path)}"
        )
        tags: dict[int, list[str]] = {}
        for name, snapshot_id in sorted(self.world.tags.items()):
            tags.setdefault(snapshot_id, []).append(name)
        listed = [e for e in reversed(self.world.entries) if e.snapshot_id not in self.world.expired]
        assert found == [(*e.row, tags.get(e.snapshot_id, [])) for e in listed]
        head = self.world.content(self.world.branches[MAIN])
        _, info = self.query(
            "SELECT snapshot_id, row_count, column_count, snapshots, branches, tags "
            f"FROM {call_sql('space_info', self.path)}"
        )
        counts = (len(listed), len(self.world.branches), len(self.world.tags))
        assert info == [(self.world.branches[MAIN], len(head.rows), len(head.columns), *counts)]

    def changes(self, older: int, newer: int) -> None:
        """The change feed between a snapshot and a later one, and that it leads from one's rows to the other's."""
        chain = []
        at: int | None = newer
        while at is not None and at > older:
            chain.append(self.world.entries[at])
            at = self.world.entries[at].parent_id
        sql = f"FROM {call_sql('space_changes', self.path, str(older), str(newer))}"
        gone = self.world.expired & {older, *(e.snapshot_id for e in chain)}
        if at != older or gone:
            try:
                self.query(sql)
            except duckdb.Error as error:
                wrong = ["not-found: "] * bool(gone) + ["invalid-input: "] * (at != older)
                assert any(kind in str(error) for kind in wrong)  # noqa: PT017 - raised or not, both are looked at
                return
            raise AssertionError(f"{older} is expired or no ancestor of {newer}, yet there are changes")
        columns = self.world.content(newer).columns
        names, found = self.query(sql)
        assert names == ["snapshot_id", "change_type", *(c.name for c in columns)]
        expected: Counter[tuple[Value, ...]] = Counter()
        for entry in chain:
            expected += entry.feed(columns)
        feed = bag(found)
        assert feed == expected, f"changes from {older} to {newer}"
        first, last = self.world.content(older), self.world.content(newer)
        rows: Shown = Counter(first.in_columns(values, columns) for values in first.rows.values())
        for (_, change, *values), count in feed.items():
            rows[tuple(values)] += count if change in ("insert", "update_postimage") else -count
        assert Counter({row: n for row, n in rows.items() if n}) == last.shown()

    def diff(self, first_id: int, second_id: int) -> None:
        """The net difference of two versions: exactly for unique keys, as bags of rows otherwise."""
        first, second = self.world.content(first_id), self.world.content(second_id)
        older, newer = (first, second) if first_id <= second_id else (second, first)
        pairs = diff_columns(older, newer, forward=first_id <= second_id)
        names, found = self.query(f"FROM {call_sql('space_diff', self.path, str(first_id), str(second_id))}")
        shown = [pair.name for pair in pairs]
        assert names == ["diff_type", *(f"from_{name}" for name in shown), *(f"to_{name}" for name in shown)]
        width = len(shown)
        got: Counter[DiffRow] = Counter()
        for kind, *values in found:
            before = tuple(zip(shown, map(freeze, values[:width]), strict=True))
            after = tuple(zip(shown, map(freeze, values[width:]), strict=True))
            got[DiffRow(kind, None if kind == "added" else before, None if kind == "removed" else after)] += 1
            assert kind != "added" or all(value is None for value in values[:width])
            assert kind != "removed" or all(value is None for value in values[width:])
        if unique(first) and unique(second):
            assert got == diff(first, second, pairs), f"diff of {first_id} and {second_id}"
        removed = sum(n for row, n in got.items() if row.before is not None)
        added = sum(n for row, n in got.items() if row.after is not None)
        assert len(first.rows) - removed + added == len(second.rows)

    def blame(self, branch: str) -> None:
        """Which commit wrote each row of a branch as it is."""
        content = self.world.content(self.world.branches[branch])
        _, found = self.query(f"FROM {call_sql('space_blame', self.path, branch)}")
        keys = sorted(self._key_columns(content))
        written = [(self.world.written_by(i), *(row.get(n) for n in keys)) for i, row in content.rows.items()]
        assert bag([(row[0], *row[4:]) for row in found]) == bag(written), f"blame of {branch}"

    def _key_columns(self, content: Content) -> list[int]:
        return [c.id for c in content.columns if c.id in content.keys]

    def row_history(self, session: Session, key: tuple[Value, ...], shown: str) -> None:
        """Every version of a row on the session's branch, newest first."""
        head = self.world.branches[session.branch or MAIN]
        columns = self.world.content(head).columns
        at = [[c.id for c in columns].index(number) for number in self.world.content(head).keys]
        _, found = self.query(f"FROM {call_sql('space_history', self.path)[:-1]}, {shown})")
        expected: Counter[tuple[Value, ...]] = Counter()
        for snapshot_id, change, *values in self.world.versions(head, columns):
            if tuple(values[i] for i in at) == key:
                expected[snapshot_id, change, *values] += 1
        alive = {row[0] for row in expected if row[1] != "delete"}
        for row in list(expected):
            if row[1] == "delete" and row[0] in alive:
                del expected[row]
        assert bag([(row[0], *row[4:]) for row in found]) == expected, f"history of {key}"
        assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)

    def transaction(self, session: Session) -> None:
        """What a session with an open transaction sees: the state that it saw first, and its own writes."""
        seen = session.pinned
        assert seen is not None
        branch = session.branch or MAIN
        if branch in seen.branches:
            self.rows(self.world.seen_content(seen, branch), None)
        expected = {(n, "branch", s) for n, s in seen.branches.items()} | {(n, "tag", s) for n, s in seen.tags.items()}
        assert set(self.query(f"FROM {call_sql('space_refs', self.path)}")[1]) == expected


def bag(rows: list[tuple[Any, ...]]) -> Shown:
    """Rows as a multiset of hashable values."""
    return Counter(tuple(map(freeze, row)) for row in rows)


def unique(content: Content) -> bool:
    """Whether every row has a key of its own."""
    keys = {content.key(values) for values in content.rows.values()}
    return len(keys) == len(content.rows)
