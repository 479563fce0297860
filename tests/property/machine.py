"""Random operations on a real dataset through SQL, beside the model."""

from __future__ import annotations

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.concurrency.sql import call_sql
from tests.property import checks, model
from tests.property.driver import SESSIONS
from tests.property.merge_rules import MergeRules
from tests.property.model import Column, Content
from tests.property.session_rules import SessionRules
from tests.property.sources import NAMES, TYPES, as_values, draw_rows, quoted, source_sql
from tests.property.upkeep_rules import UpkeepRules
from tests.property.world import MAIN, World


class DatasetMachine(MergeRules, UpkeepRules, SessionRules):
    """After every step, all that is read equals the model."""

    @initialize(data=st.data(), two_keys=st.booleans(), from_source=st.booleans())
    def create(self, data: st.DataObject, two_keys: bool, from_source: bool) -> None:
        columns = [Column(next(self.column_ids), "id", "BIGINT")]
        if two_keys:
            columns.append(Column(next(self.column_ids), "k", "VARCHAR"))
        keys = [c.name for c in columns]
        for name in data.draw(st.lists(st.sampled_from(NAMES), max_size=3, unique_by=str.casefold)):
            columns.append(Column(next(self.column_ids), name, data.draw(st.sampled_from(TYPES))))
        content = Content(tuple(columns), tuple(c.id for c in columns[: len(keys)]))
        bulky = [c.name for c in columns[len(keys) :] if c.type in ("BLOB", "VARCHAR")]
        records = [name for name in bulky if data.draw(st.booleans())]
        if from_source:
            content = Content(tuple(c for c in columns if c.type != "HUGEINT"), content.keys)
            rows = draw_rows(data, content, content.columns, nulls=True)
            sql = call_sql(
                "space_create",
                self.path,
                source=source_sql(content.columns, rows),
                primary_keys=keys,
                record_fields=records,
            )
            content = model.append(content, as_values(content.columns, rows), model.Births()).content
        else:
            declared = ", ".join(f"{quoted(c.name)} {c.type}" for c in columns)
            sql = call_sql("space_create", self.path, columns=declared, primary_keys=keys, record_fields=records)
        note(f"connection 0: CALL {sql}")
        ((*found,),) = self.connections[0].execute(f"CALL {sql}").fetchall()
        assert found == [0, "create", len(content.rows), 0, 0]
        self.world = World(content, len(content.rows))
        self.changed = {MAIN}

    @invariant()
    def what_is_read_is_what_was_written(self) -> None:
        if not hasattr(self, "world"):
            return
        reading = checks.Reading(self.reader, self.path, self.world)
        reading.refs()
        reading.history()
        for name in sorted(self.changed & {*self.world.branches, *self.world.tags}):
            reading.version(name)
        for branch in sorted(self.changed & self.world.branches.keys()):
            head = self.world.branches[branch]
            parent = self.world.entries[head].parent_id
            if parent is not None and parent not in self.world.expired:
                reading.changes(parent, head)
                reading.diff(parent, head)
        self.changed = set()
        for con, session in zip(self.connections, self.sessions, strict=True):
            if session.pinned is not None:
                checks.Reading(con, self.path, self.world).transaction(session)

    @rule(data=st.data())
    def compare_two_versions(self, data: st.DataObject) -> None:
        if not hasattr(self, "world"):
            return
        reading = checks.Reading(self.reader, self.path, self.world)
        some = st.integers(0, len(self.world.entries) - 1)
        first, second = self.world.target(data.draw(some)), self.world.target(data.draw(some))
        reading.snapshot(first)
        if not {first, second} & self.world.expired:
            reading.diff(first, second)
        older, newer = sorted((first, second))
        reading.changes(older, newer)

    @rule(number=SESSIONS)
    def look(self, number: int) -> None:
        _, _, content = self.seen(number)
        if content is not None:
            checks.Reading(self.connections[number], self.path, self.world).rows(content, None)

    @rule(data=st.data())
    def read_as_of(self, data: st.DataObject) -> None:
        """At the time of an entry, each branch shows what it showed then."""
        number = data.draw(st.integers(0, len(self.world.entries) - 1))
        checks.Reading(self.reader, self.path, self.world).as_of(number)
