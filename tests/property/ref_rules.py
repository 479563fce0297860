"""Rules that make and drop tags and branches."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.concurrency.sql import call_sql
from tests.property.driver import SESSIONS, Driver
from tests.property.model import Refused
from tests.property.world import Outcome, Session

REFS = ("dev", "v1", "exp/2")


class RefRules(Driver):
    """Tag, branch, and dropping them."""

    @rule(number=SESSIONS, data=st.data(), name=st.sampled_from(REFS), what=st.sampled_from(["tag", "branch"]))
    def add_ref(self, number: int, data: st.DataObject, name: str, what: str) -> None:
        session, branch, _ = self.seen(number)
        seen = self.world.see(session)
        given: list[object] = []
        target = seen.branches.get(branch)
        drawn = self.draw_version(data, session) if data.draw(st.booleans()) else None
        if drawn is not None:
            version, target = drawn
            given = [version]

        def expect() -> Outcome:
            if branch not in self.world.branches or target is None:
                raise Refused("not-found")
            if name in self.world.tags or name in self.world.branches or name in seen.branches or name in seen.tags:
                raise Refused("already-exists")
            return self.world.ref(session, branch, what, target)

        sql = call_sql(f"space_{what}", self.path, name, **({"version": given[0]} if given else {}))
        if self.run(number, sql, expect) is not None:
            assert target is not None
            for refs in self.refs_of(session, what):
                refs[name] = target

    @rule(number=SESSIONS, name=st.sampled_from(REFS), what=st.sampled_from(["tag", "branch"]))
    def drop_ref(self, number: int, name: str, what: str) -> None:
        session, branch, _ = self.seen(number)
        names = self.world.tags if what == "tag" else self.world.branches

        def expect() -> Outcome:
            if name not in names or branch not in self.world.branches:
                raise Refused("not-found")
            return self.world.ref(session, branch, f"drop_{what}", names[name])

        if self.run(number, call_sql(f"space_drop_{what}", self.path, name), expect) is not None:
            for refs in self.refs_of(session, what):
                refs.pop(name, None)
            if what == "branch" and session.pinned is not None:
                session.pinned.own.pop(name, None)

    def refs_of(self, session: Session, what: str) -> list[dict[str, int]]:
        """The refs that a session's change of a ref shows in: the real ones, and its transaction's."""
        views = [self.world] + ([session.pinned] if session.pinned is not None else [])
        return [view.tags if what == "tag" else view.branches for view in views]
