"""Merging beside a plain Python model: random edits on two branches, merged back and forth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call, call_sql, kind

pytestmark = pytest.mark.property

EXAMPLES = 400 if os.environ.get("SPACE_SQL_LONG") else 40
KEYS = [(1, "a"), (1, "b"), (2, "a"), (3, "c")]
CELLS = ("u", "v", "w")

Key = tuple[int, str]
Row = dict[str, Any]
Rows = dict[Key, Row]
Strategy = str

VALUES = st.sampled_from([None, 0, 1, 2])
EDIT = st.tuples(
    st.sampled_from(["put", "put", "set", "delete", "compact"]), st.sampled_from(KEYS), st.sampled_from(CELLS), VALUES
)


class Open(Exception):
    """A conflict that no strategy decides."""


def merged(bases: list[Rows], ours: Rows, theirs: Rows, strategy: Strategy) -> tuple[Rows, set[tuple[Key, str | None]]]:
    """The merge of two sides over their common ancestors, and the conflicting cells."""
    out: Rows = {}
    conflicts: set[tuple[Key, str | None]] = set()
    for key in sorted(ours.keys() | theirs.keys()):
        before = [base.get(key) for base in bases]
        row = _row(key, before, ours.get(key), theirs.get(key), strategy, conflicts)
        if row is not None:
            out[key] = row
    return out, conflicts


def _row(
    key: Key,
    before: list[Row | None],
    mine: Row | None,
    yours: Row | None,
    strategy: Strategy,
    conflicts: set[tuple[Key, str | None]],
) -> Row | None:
    if mine is not None and yours is not None:
        return {c: _cell(key, c, before, mine, yours, strategy, conflicts) for c in mine}
    alone = mine if mine is not None else yours
    assert alone is not None
    if not any(before):
        return alone
    edited = [c for c in alone if any(b is None or b[c] != alone[c] for b in before)]
    if not edited:
        return None
    conflicts.update((key, c) for c in edited)
    return {"ours": mine, "theirs": yours}.get(strategy)


def _cell(
    key: Key,
    cell: str,
    before: list[Row | None],
    mine: Row,
    yours: Row,
    strategy: Strategy,
    conflicts: set[tuple[Key, str | None]],
) -> Any:
    if mine[cell] == yours[cell]:
        return mine[cell]
    if all(b is not None and b[cell] == yours[cell] for b in before):
        return mine[cell]
    if all(b is not None and b[cell] == mine[cell] for b in before):
        return yours[cell]
    conflicts.add((key, cell))
    return yours[cell] if strategy == "theirs" else mine[cell]


class Repository:
    """A dataset with two branches, and what each snapshot holds."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.con, self.path = con, path
        call(con, "space_create", path, columns="i INTEGER, k VARCHAR, u INTEGER, v INTEGER, w INTEGER",
             primary_keys=["i", "k"])  # fmt: skip
        self.rows: dict[int, Rows] = {0: {}}
        self.parents: dict[int, list[int]] = {0: []}
        self.heads = {"main": 0}

    def edit(self, branch: str, edit: tuple[str, Key, str, int | None]) -> None:
        what, (i, k), cell, value = edit
        head = self.heads[branch]
        rows = {key: dict(row) for key, row in self.rows[head].items()}
        text = "NULL" if value is None else str(value)
        if what == "put":
            source = f"SELECT {i} AS i, '{k}' AS k, {text}::INTEGER AS {cell}"
            found = call(self.con, "space_upsert", self.path, source, branch=branch)
            rows.setdefault((i, k), dict.fromkeys(CELLS))[cell] = value
        elif what == "set":
            where = f"i = {i} AND k = '{k}'"
            found = call(self.con, "space_update", self.path, f"{cell} = {text}", where, branch=branch)
            if (i, k) in rows:
                rows[i, k][cell] = value
        elif what == "delete":
            found = call(self.con, "space_delete", self.path, f"i = {i} AND k = '{k}'", branch=branch)
            rows.pop((i, k), None)
        else:
            found = call(self.con, "space_compact", self.path, order_by=["k"], branch=branch)
        self.put(branch, found[0], rows, [head])

    def put(self, branch: str, snapshot: int, rows: Rows, parents: list[int]) -> None:
        if snapshot not in self.rows:
            self.rows[snapshot], self.parents[snapshot] = rows, parents
        self.heads[branch] = snapshot
        assert self.rows[snapshot] == rows

    def branch(self, name: str, of: str) -> None:
        call(self.con, "space_branch", self.path, name, version=of)
        self.heads[name] = self.heads[of]

    def ancestors(self, snapshot: int) -> set[int]:
        out, waiting = set(), [snapshot]
        while waiting:
            at = waiting.pop()
            if at not in out:
                out.add(at)
                waiting += self.parents[at]
        return out

    def bases(self, ours: int, theirs: int) -> list[int]:
        common = self.ancestors(ours) & self.ancestors(theirs)
        return sorted(b for b in common if not any(b != c and b in self.ancestors(c) for c in common))

    def merge(self, branch: str, target: str, strategy: Strategy) -> None:
        ours, theirs = self.heads[target], self.heads[branch]
        bases = self.bases(ours, theirs)
        note(f"merge {branch} {theirs} into {target} {ours}, {strategy}; bases {bases}")
        expected, conflicts = merged([self.rows[b] for b in bases], self.rows[ours], self.rows[theirs], strategy)
        shown = self.con.execute(
            f"SELECT key.i, key.k, column_name FROM {call_sql('space_conflicts', self.path, branch, target=target)}"
        ).fetchall()
        assert {((i, k), c) for i, k, c in shown if c is not None} == {(k, c) for k, c in conflicts if c is not None}
        assert bool(shown) == bool(conflicts)
        counts = counted(self.rows[ours], expected)
        if strategy == "fail" and conflicts:
            with pytest.raises(duckdb.Error) as error:
                call(self.con, "space_merge", self.path, branch, target=target)
            assert kind(error.value) == "conflict"
            return
        dry = call(self.con, "space_merge", self.path, branch, target=target, strategy=strategy, dry_run=True)
        assert dry == (ours, "merge", *counts)
        found = call(self.con, "space_merge", self.path, branch, target=target, strategy=strategy)
        assert found[1:] == ("merge", *counts)
        assert (found[0] == ours) == (bases == [theirs])
        self.put(target, found[0], expected, [ours, theirs])
        if found[0] != ours:
            self.check_feed(ours, found[0])
        assert call(self.con, "space_merge", self.path, branch, target=target) == (found[0], "merge", 0, 0, 0)

    def check_feed(self, before: int, after: int) -> None:
        feed = self.con.execute(f"FROM {call_sql('space_changes', self.path, str(before), str(after))}").fetchall()
        shown: dict[str, Rows] = {}
        for _, change, i, k, *cells in feed:
            assert (i, k) not in shown.setdefault(change, {})
            shown[change][i, k] = dict(zip(CELLS, cells, strict=True))
        old, new = self.rows[before], self.rows[after]
        both = {key for key in old.keys() & new.keys() if old[key] != new[key]}
        for change, keys, rows in (
            ("insert", new.keys() - old.keys(), new),
            ("delete", old.keys() - new.keys(), old),
            ("update_preimage", both, old),
            ("update_postimage", both, new),
        ):
            assert shown.get(change, {}) == {key: rows[key] for key in keys}

    def check(self) -> None:
        for name, head in self.heads.items():
            found = self.con.execute(f"FROM {call_sql('space_scan', self.path, version=name)}").fetchall()
            assert len(found) == len(self.rows[head])
            assert {(i, k): dict(zip(CELLS, c, strict=True)) for i, k, *c in found} == self.rows[head]


def counted(old: Rows, new: Rows) -> tuple[int, int, int]:
    """Rows inserted, updated and deleted."""
    updated = sum(old[key] != new[key] for key in old.keys() & new.keys())
    return len(new.keys() - old.keys()), updated, len(old.keys() - new.keys())


@contextmanager
def repository() -> Iterator[Repository]:
    with scratch_folder() as folder, space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        yield Repository(con, folder / "ds")


STEP = st.one_of(
    st.tuples(st.sampled_from(["main", "dev"]), EDIT),
    st.tuples(st.sampled_from(["main", "dev"]), EDIT),
    st.tuples(st.sampled_from(["main", "dev"]), EDIT),
    st.tuples(st.sampled_from(["main", "dev"]), st.sampled_from(["fail", "fail", "ours", "theirs"])),
)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(first=st.lists(EDIT, max_size=4), steps=st.lists(STEP, min_size=2, max_size=14))
def test_a_merge_is_what_the_model_says(first: list[Any], steps: list[tuple[str, Any]]) -> None:
    with repository() as repo:
        for edit in first:
            repo.edit("main", edit)
        repo.branch("dev", "main")
        for branch, step in [*steps, ("main", "fail"), ("dev", "theirs")]:
            if isinstance(step, tuple):
                repo.edit(branch, step)
            else:
                repo.merge("dev" if branch == "main" else "main", branch, step)
        repo.check()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(EDIT, max_size=4),
    dev=st.lists(EDIT, min_size=1, max_size=4),
    main=st.lists(EDIT, min_size=1, max_size=4),
    after=st.lists(st.tuples(st.sampled_from(["main", "dev"]), EDIT), max_size=5),
    strategies=st.tuples(*[st.sampled_from(["ours", "theirs"])] * 2),
)
def test_branches_that_were_merged_crosswise_lose_no_edit(
    before: list[Any], dev: list[Any], main: list[Any], after: list[Any], strategies: tuple[str, str]
) -> None:
    with repository() as repo:
        for edit in before:
            repo.edit("main", edit)
        repo.branch("dev", "main")
        for branch, edits in (("dev", dev), ("main", main)):
            for edit in edits:
                repo.edit(branch, edit)
        repo.branch("dev_then", "dev")
        repo.branch("main_then", "main")
        repo.merge("dev_then", "main", strategies[0])
        repo.merge("main_then", "dev", strategies[1])
        for branch, edit in after:
            repo.edit(branch, edit)
        repo.merge("dev", "main", "fail")
        repo.merge("dev", "main", strategies[0])
        repo.check()
