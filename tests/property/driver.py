"""What the rules share: the real dataset and its connections, the model, and one write on both."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest import mock

import duckdb
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

import space_sql
from tests.concurrency.scratch import scratch_folder
from tests.concurrency.sql import call_sql, kind
from tests.property.model import Content, Refused
from tests.property.world import MAIN, Apply, Outcome, Session, World

SESSIONS = st.integers(0, 1)


class Driver(RuleBasedStateMachine):
    """Two sessions write and a third reads."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        # Files are merged and checkpoints written so often that short runs meet them.
        self.stack.enter_context(mock.patch("space_sql.dataset.fold.FAN", 3))
        self.stack.enter_context(mock.patch("space_sql.storage.checkpoint.INTERVAL", 4))
        self.path = self.stack.enter_context(scratch_folder()) / "ds"
        self.connections = [self.connect(), self.connect()]
        self.reader = self.connect()
        self.sessions = [Session(), Session()]
        self.column_ids = itertools.count(1)
        self.changed: set[str] = set()
        self.aimed: str | None = None
        self.working_on: str | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection that does not sync, for speed."""
        con = space_sql.connect()
        con.execute("SET VARIABLE space_sync = false")
        return con

    def teardown(self) -> None:
        for con in [*self.connections, self.reader]:
            con.close()
        self.stack.close()

    def aim(self, data: st.DataObject) -> None:
        """Perhaps name a branch for the next write, as the argument ``branch``."""
        if self.working_on is not None:
            self.aimed = self.working_on
            return
        self.aimed = (
            data.draw(st.sampled_from(sorted(self.world.branches))) if data.draw(st.integers(0, 5)) == 0 else None
        )

    def seen(self, number: int) -> tuple[Session, str, Content | None]:
        """A session, the branch that it works on, and what it sees there (None when the branch is not there)."""
        session = self.sessions[number]
        branch = self.aimed or session.branch or MAIN
        try:
            return session, branch, self.world.seen_content(self.world.see(session), branch)
        except Refused:
            return session, branch, None

    def run(self, number: int, sql: str, expect: Callable[[], Outcome], **options: Any) -> tuple[Any, ...] | None:
        """Run a write and hold it against what the model expects; returns its row."""
        note(f"connection {number}: CALL {sql}")
        session = self.sessions[number]
        outcome: Outcome | None = None
        kinds: frozenset[str] = frozenset()
        try:
            outcome = expect()
            kinds = frozenset({"conflict"} if outcome.may_conflict else ())
        except Refused as refused:
            kinds = refused.kinds
        try:
            ((*found,),) = self.connections[number].execute(f"CALL {sql}").fetchall()
        except duckdb.Error as error:
            assert kind(error) in kinds, f"{error}\nexpected {outcome or kinds} of {sql}"  # noqa: PT017 - both ways are looked at
            if session.in_transaction:
                self.connections[number].execute("ROLLBACK")
                session.end()
            return None
        assert outcome is not None, f"{sql} gave {found}, expected an error of {set(kinds)}"
        assert tuple(found) == outcome.row, f"{found}, expected {outcome.row}, of {sql}"
        self.world.commit(session, outcome, options.get("author"), options.get("message"))
        self.changed |= {outcome.branch, *self.world.tags}
        return tuple(found)

    def write(
        self,
        number: int,
        data: st.DataObject,
        operation: str,
        arguments: Sequence[object],
        apply: Apply,
        *,
        by_position: bool = False,
        **named: object,
    ) -> None:
        """Run a write with a drawn choice of the options that all writes take."""
        session, branch, _ = self.seen(number)
        options: dict[str, object] = {}
        if data.draw(st.integers(0, 4)) == 0:
            options["message"], options["author"] = data.draw(st.sampled_from(["", "it's; --", "ü"])), "me"
        expected = key = None
        if data.draw(st.integers(0, 7)) == 0:
            expected = data.draw(st.integers(0, len(self.world.entries) - 1))
            options["expected_snapshot"] = expected
        if data.draw(st.integers(0, 4)) == 0:
            key = f"key {len(self.world.keys)}"
            options["commit_key"] = key
        if self.aimed is not None:
            named["branch"] = self.aimed
        sql = call_sql(f"space_{operation}", self.path, *arguments, **named, **options)

        def expect() -> Outcome:
            outcome = None
            kinds: set[str] = set()
            if expected is not None and self.world.target(expected) != self.world.branches.get(branch):
                kinds.add("conflict")
            try:
                outcome = self.world.write(session, branch, operation, apply, by_position=by_position)
            except Refused as refused:
                kinds |= refused.kinds
            if kinds:
                raise Refused(*kinds)
            assert outcome is not None
            return outcome

        entries = len(self.world.entries)
        found = self.run(number, sql, expect, **options)
        self.aimed = None
        if found is not None and key is not None and len(self.world.entries) > entries:
            self.world.keys[key] = (sql, found)

    def draw_version(self, data: st.DataObject, session: Session) -> tuple[str, int] | None:
        """A readable version that the session can name, and the snapshot that it means; None when all have expired."""
        seen = self.world.see(session)
        named = {n: s for n, s in {**seen.tags, **seen.branches}.items() if s not in self.world.expired}
        shown = self.world.entries if session.pinned is None else self.world.entries[:1]
        snapshots = [str(e.snapshot_id) for e in shown if self.world.readable(e.snapshot_id)]
        if not named and not snapshots:
            return None
        version = data.draw(st.sampled_from([*named, *snapshots]))
        if version not in named:
            return version, self.world.target(int(version))
        target = named[version]
        back = 0
        for step in range(1, data.draw(st.integers(0, 2)) + 1):
            parent = self.world.entries[target].parent_id
            if parent is None or parent in self.world.expired:
                break
            target, back = parent, step
        return (f"{version}~{back}" if back else version), target
