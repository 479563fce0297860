"""Rules of upkeep: no row of any version may change."""

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
    """Compaction by any session, in a transaction too."""

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
        if snapshot_id == head:
            return
        seen = self.world.see(session)
        stale = branch in seen.branches and (branch in seen.own or seen.branches[branch] != head)
        own = Effect(self.world.seen_content(seen, branch)) if stale else None
        content = self.world.content(head)
        row = (snapshot_id, "compact", 0, 0, 0)
        assert snapshot_id == len(self.world.entries)
        entry = Entry(snapshot_id, head, branch, "compact", Effect(content), content)
        self.world.commit(session, Outcome(branch, row, entry, own), None, None)
        self.changed |= {branch, *self.world.tags}
