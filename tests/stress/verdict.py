"""Whether a dataset holds what its writers were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from space_sql.dataset import dataset as opened
from tests.concurrency.sql import Row, call_sql, rows
from tests.stress.worker import APPENDED, Done, Planned

Change = tuple[str, Row]
Bag = Counter[Row]


class Verdict:
    """The log of a dataset beside what was planned and acknowledged; ``killed`` writers may owe one answer each."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, told: Iterable[Any], *, killed: int = 0) -> None:
        opened._open.clear()
        told = list(told)
        self.con, self.path, self.killed = con, path, killed
        self.planned = {t.message: t for t in told if isinstance(t, Planned)}
        self.done = {t.planned.message: t for t in told if isinstance(t, Done)}
        self.log = {
            row[0]: row
            for row in con.execute(
                "SELECT snapshot_id, parent_id, branch, operation, rows_inserted, rows_updated, rows_deleted, message "
                f"FROM {call_sql('space_snapshots', path)}"
            ).fetchall()
        }

    def check(self) -> None:
        """All of it."""
        self.numbers()
        self.acknowledged()
        self.refs()
        for branch in ("main", "dev"):
            self.replay(branch)

    def numbers(self) -> None:
        """Commits are numbered without gaps, and time does not run backwards."""
        assert sorted(self.log) == list(range(len(self.log)))
        times = self.con.execute(
            f"SELECT snapshot_time FROM {call_sql('space_snapshots', self.path)} ORDER BY snapshot_id"
        ).fetchall()
        assert times == sorted(set(times))

    def acknowledged(self) -> None:
        """Every acknowledged write is there once, under its number; every other one is known and was not refused."""
        found = Counter(row[7] for row in self.log.values() if row[7] is not None)
        assert max(found.values(), default=1) == 1, "a write was committed twice"
        changing = {}
        for message, done in self.done.items():
            if done.result is None:
                assert message not in found, f"{message} was refused ({done.error}) and is there"
            elif self._changes(done):
                changing[message] = done.result
            else:
                assert message not in found
                assert done.result[0] in self.log
        lost = changing.keys() - found.keys()
        assert not lost, f"{len(lost)} acknowledged writes are lost: {sorted(lost)[:5]}"
        for row in self.log.values():
            if row[7] in changing:
                assert (row[0], row[3], *row[4:7]) == changing[row[7]], row[7]
        unanswered = found.keys() - changing.keys()
        assert unanswered <= self.planned.keys() - self.done.keys()
        assert len(unanswered) <= self.killed

    @staticmethod
    def _changes(done: Done) -> bool:
        assert done.result is not None
        return done.planned.kind in ("tag", "branch") or any(done.result[2:])

    def refs(self) -> None:
        """Tags and branches point at what their writers could see."""
        refs = dict(self.con.execute(f"SELECT name, snapshot_id FROM {call_sql('space_refs', self.path)}").fetchall())
        for message, done in self.done.items():
            if done.planned.kind in ("tag", "branch") and done.result is not None:
                name, number = done.planned.arguments[0], done.result[0]
                assert self.log[number][1] == refs[name], message
                newest_seen = max(
                    (i for i in self._chain("main") if i <= done.seen),
                    default=0,
                )
                assert newest_seen <= refs[name] < number, message

    def _chain(self, branch: str) -> list[int]:
        """The snapshots of a branch, oldest first."""
        ((at,),) = self.con.execute(
            f"SELECT snapshot_id FROM {call_sql('space_refs', self.path)} WHERE name = '{branch}'"
        ).fetchall()
        out = []
        while at is not None:
            out.append(at)
            at = self.log[at][1]
        return out[::-1]

    def replay(self, branch: str) -> None:
        """The change feed leads, write by write as planned, to the rows that are read."""
        chain = self._chain(branch)
        feed: dict[int, list[Change]] = defaultdict(list)
        for number, change, *values in self.con.execute(
            f"FROM {call_sql('space_changes', self.path, str(chain[0]), str(chain[-1]))}"
        ).fetchall():
            feed[number].append((change, tuple(values)))
        content: Bag = Counter()
        born: dict[Row, int] = {}
        for number in chain[1:]:
            planned = self.planned[self.log[number][7]]
            done = self.done.get(planned.message)
            _Step(planned, done.seen if done else 0, content, born).check(feed[number])
            self._counts(number, feed[number])
            for change, stored in feed[number]:
                came = change in ("insert", "update_postimage")
                content[stored] += 1 if came else -1
                if came:
                    born[stored] = number
            content = +content
            keys = Counter(row[0] for row in content.elements() if row[0] < APPENDED)
            assert max(keys.values(), default=1) == 1, f"a key is doubled at snapshot {number}"
        assert sorted(content.elements(), key=repr) == rows(self.con, self.path, version=branch)

    def _counts(self, number: int, feed: list[Change]) -> None:
        kinds = Counter(change for change, _ in feed)
        _, _, _, _, inserted, updated, deleted, _ = self.log[number]
        assert kinds["insert"] == inserted
        assert kinds["update_postimage"] == updated == kinds["update_preimage"]
        assert kinds["delete"] == deleted


class _Step:
    """One write against the content that it was put on."""

    def __init__(self, planned: Planned, seen: int, content: Bag, born: dict[Row, int]) -> None:
        self.planned, self.seen, self.content, self.born = planned, seen, content, born

    def check(self, feed: list[Change]) -> None:
        """Hold the feed of the write against its plan."""
        came = [row for change, row in feed if change in ("insert", "update_postimage")]
        went = [row for change, row in feed if change in ("delete", "update_preimage")]
        assert all(self.content[row] > 0 for row in went), f"{self.planned.message} took rows that were not there"
        getattr(self, self.planned.kind.split()[0])(came, went)

    def append(self, came: list[Row], went: list[Row]) -> None:
        assert (sorted(came), went) == (sorted(self.planned.rows), [])

    def insert(self, came: list[Row], went: list[Row]) -> None:
        self.append(came, went)
        assert not {row[0] for row in came} & {row[0] for row in self.content.elements()}

    def upsert(self, came: list[Row], went: list[Row]) -> None:
        stored = {row[0]: row for row in self.content.elements()}
        different = [row for row in self.planned.rows if stored.get(row[0]) != row]
        assert sorted(came) == sorted(different)
        assert sorted(went) == sorted(stored[row[0]] for row in different if row[0] in stored)

    def update(self, came: list[Row], went: list[Row]) -> None:
        assert sorted(came) == sorted((key, owner, n + 1) for key, owner, n in went)
        self.delete([], went)

    def delete(self, came: list[Row], went: list[Row]) -> None:
        low, high = self.planned.keys
        assert came == []
        assert all(low <= row[0] <= high for row in went)
        left = self.content - Counter(went)
        for row in left.elements():
            if low <= row[0] <= high:
                assert self.born[row] > self.seen, f"{self.planned.message} left {row}, which it saw"
