"""Rules of upkeep: no row of a readable version may change."""

from __future__ import annotations

import duckdb
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.concurrency.sql import call_sql, kind
from tests.property.driver import SESSIONS, Driver
from tests.property.model import Effect, Entry
from tests.property.world import MAIN, Outcome


class UpkeepRules(Driver):
    """Compaction, expiry, vacuum and verification by any session, in a transaction too."""

    @rule(number=SESSIONS, data=st.data())
    def compact(self, number: int, data: st.DataObject) -> None:
        session = self.sessions[number]
        branch = session.branch or MAIN
        named: dict[str, object] = {}
        if data.draw(st.booleans()) and branch in self.world.branches:
            columns = [c.name for c in self.world.content(self.world.branches[branch]).columns]
            named["order_by"] = [data.draw(st.sampled_from(columns))]
        sql = call_sql("space_compact", self.path, **named)
        note(f"connection {number}: CALL {sql}")
        try:
            ((snapshot_id, *_),) = self.connections[number].execute(f"CALL {sql}").fetchall()
        except duckdb.Error as error:
            assert kind(error) == "not-found"  # noqa: PT017 - both ways are looked at
            assert branch not in self.world.branches
            if session.in_transaction:
                self.connections[number].execute("ROLLBACK")
                session.end()
            return
        head = self.world.branches[branch]
        seen = self.world.see(session)
        if snapshot_id == head:
            return
        stale = branch in seen.branches and (branch in seen.own or seen.branches[branch] != head)
        own = Effect(self.world.seen_content(seen, branch)) if stale else None
        content = self.world.content(head)
        row = (snapshot_id, "compact", 0, 0, 0)
        assert snapshot_id == len(self.world.entries)
        entry = Entry(snapshot_id, head, branch, "compact", Effect(content), content)
        self.world.commit(session, Outcome(branch, row, entry, own), None, None)
        self.changed |= {branch, *self.world.tags}

    @rule(number=SESSIONS, keep_last=st.integers(1, 3))
    def expire(self, number: int, keep_last: int) -> None:
        session = self.sessions[number]
        branch = session.branch or MAIN
        if branch not in self.world.branches:
            return
        expected = self.world.expiring(keep_last)
        sql = call_sql("space_expire", self.path, keep_last=keep_last)
        note(f"connection {number}: CALL {sql}")
        found = [row[0] for row in self.connections[number].execute(f"CALL {sql}").fetchall()]
        self.world.see(session)
        assert found == expected
        if expected:
            head, snapshot_id = self.world.branches[branch], len(self.world.entries)
            row = (snapshot_id, "expire", 0, 0, 0)
            entry = Entry(snapshot_id, head, branch, "expire", Effect(self.world.content(head)), None, advances=False)
            self.world.commit(session, Outcome(branch, row, entry), None, None)
            self.world.expired.update(expected)
            self.changed |= {*self.world.branches, *self.world.tags}

    @rule()
    def vacuum_and_verify(self) -> None:
        """Nobody else reads expired versions: files go at once."""
        if all(session.pinned is None for session in self.sessions):
            self.reader.execute(f"CALL space_vacuum('{self.path}', older_than => INTERVAL '0 seconds')").fetchall()
        found = self.reader.execute(f"FROM {call_sql('space_verify', self.path, deep=True)}").fetchall()
        assert [f for f in found if f[1] != "keys"] == []
        self.changed |= {*self.world.branches, *self.world.tags}
