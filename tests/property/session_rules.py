"""Rules that begin and end transactions, move sessions to branches, and repeat jobs."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from space_sql.dataset import dataset as opened
from tests.property.driver import SESSIONS, Driver
from tests.property.world import Session


class SessionRules(Driver):
    """Transactions, branches of sessions, fresh connections, fresh caches, repeated commit keys."""

    @rule(number=SESSIONS, data=st.data())
    def set_branch(self, number: int, data: st.DataObject) -> None:
        session = self.sessions[number]
        name = data.draw(st.sampled_from([None, *self.world.branches]))
        value = "NULL" if name is None else f"'{name}'"
        self.connections[number].execute(f"SET VARIABLE space_branch = {value}")
        session.branch = name

    @rule(number=SESSIONS)
    def begin(self, number: int) -> None:
        session = self.sessions[number]
        if not session.in_transaction:
            self.connections[number].execute("BEGIN")
            session.in_transaction = True

    @rule(number=SESSIONS, how=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def end(self, number: int, how: str) -> None:
        if self.sessions[number].in_transaction:
            self.connections[number].execute(how)
            self.sessions[number].end()

    @rule(number=SESSIONS)
    def another_connection(self, number: int) -> None:
        self.connections[number].close()
        self.connections[number] = self.connect()
        self.sessions[number] = Session()

    @precondition(lambda self: not any(s.in_transaction for s in self.sessions))
    @rule()
    def forget_what_is_open(self) -> None:
        opened._open.clear()
        self.changed |= {*self.world.branches, *self.world.tags}

    @precondition(lambda self: hasattr(self, "world") and bool(self.world.keys))
    @rule(number=SESSIONS, data=st.data())
    def repeat_a_commit_key(self, number: int, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.world.keys)))
        sql, first = self.world.keys[key]
        session, branch, _ = self.seen(number)
        if branch not in self.world.see(session).branches or branch not in self.world.branches:
            return
        ((*found,),) = self.connections[number].execute(f"CALL {sql}").fetchall()
        assert tuple(found) == first, f"{sql} again"
