"""Rules that write rows."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.property import model, predicates
from tests.property.driver import SESSIONS, Driver
from tests.property.model import Content, Effect, Refused, Values
from tests.property.sources import as_values, draw_columns, draw_rows, source_sql


class RowRules(Driver):
    """Append, insert, upsert, overwrite, delete, update, restore."""

    def row_write(
        self,
        number: int,
        data: st.DataObject,
        operation: str,
        effect: Callable[[Content, Content, list[Values], model.Births], Effect],
        *,
        nulls: bool,
        by_position: bool = False,
    ) -> None:
        """A write of a source's rows. ``effect`` gets the content with the source's new columns, the base, the rows."""
        self.aim(data)
        _, _, base = self.seen(number)
        if base is None:
            base = self.world.content(0)
        evolve = data.draw(st.integers(0, 5)) == 0
        columns = draw_columns(data, base, self.column_ids, evolve=evolve)
        rows = draw_rows(data, base, columns, nulls=nulls)
        given = as_values(columns, rows)
        births = model.Births()
        given_columns = {c.id: c for c in columns}
        mine = tuple(given_columns.pop(c.id, c) for c in base.columns)
        mine += tuple(given_columns.values())
        named = {"evolve": True} if evolve else {}

        def apply(content: Content) -> Effect:
            done = effect(model.columns_after(base, mine, content), base, given, births)
            unchanged = not (done.inserted or done.updated or done.deleted)
            return Effect(content) if unchanged else done

        source = source_sql(columns, rows)
        self.write(number, data, operation, [source], apply, by_position=by_position, **named)

    @rule(number=SESSIONS, data=st.data())
    def append(self, number: int, data: st.DataObject) -> None:
        self.row_write(number, data, "append", lambda content, _, *rows: model.append(content, *rows), nulls=True)

    @rule(number=SESSIONS, data=st.data())
    def insert(self, number: int, data: st.DataObject) -> None:
        def effect(content: Content, base: Content, rows: list[Values], births: model.Births) -> Effect:
            model.check_source_keys(base, rows)
            keys = [base.key(values) for values in rows]
            model.check_new_keys(base, keys, "invalid-input")
            model.check_new_keys(content, keys, "conflict")
            return model.append(content, rows, births)

        self.row_write(number, data, "insert", effect, nulls=data.draw(st.booleans()))

    @rule(number=SESSIONS, data=st.data())
    def upsert(self, number: int, data: st.DataObject) -> None:
        def effect(content: Content, base: Content, rows: list[Values], births: model.Births) -> Effect:
            model.check_source_keys(base, rows)
            return model.upsert(content, rows, births)

        self.row_write(number, data, "upsert", effect, nulls=data.draw(st.integers(0, 9)) == 0)

    @rule(number=SESSIONS, data=st.data())
    def overwrite(self, number: int, data: st.DataObject) -> None:
        def effect(content: Content, base: Content, rows: list[Values], births: model.Births) -> Effect:
            self._check_unchanged(number, content)
            return model.overwrite(content, rows, births)

        self.row_write(number, data, "overwrite", effect, nulls=True, by_position=True)

    def _check_unchanged(self, number: int, content: Content) -> None:
        _, _, base = self.seen(number)
        if base is None or base.identity != content.identity:
            raise Refused("conflict")

    @rule(number=SESSIONS, data=st.data())
    def delete(self, number: int, data: st.DataObject) -> None:
        self.aim(data)
        _, _, base = self.seen(number)
        base = base or self.world.content(0)
        predicate = data.draw(predicates.predicates(base))
        chosen = [i for i, row in base.rows.items() if predicate.holds(row)]

        def apply(content: Content) -> Effect:
            done = model.delete(content, chosen)
            return done if done.deleted else Effect(content)

        self.write(number, data, "delete", [predicate.sql], apply, by_position=True)

    @rule(number=SESSIONS, data=st.data())
    def update(self, number: int, data: st.DataObject) -> None:
        self.aim(data)
        _, _, base = self.seen(number)
        base = base or self.world.content(0)
        predicate = data.draw(predicates.predicates(base))
        assignments = data.draw(predicates.assignments(base))
        new = {}
        for identity, row in base.rows.items():
            if predicate.holds(row):
                values_after = {**row, **{a.column: a.value(row) for a in assignments}}
                if base.shape(values_after) != base.shape(row):
                    new[identity] = values_after
        births = model.Births()
        sets_key = any(a.column in base.keys for a in assignments)

        def apply(content: Content) -> Effect:
            if not new:
                return Effect(content)
            done = model.update(content, new, births)
            if sets_key:
                model.check_source_keys(base, list(new.values()))
                left = {i: row for i, row in content.rows.items() if i not in new}
                kind_of = "invalid-input" if content is base else "conflict"
                keys = [base.key(row) for row in new.values()]
                for rows, found in ((base.rows, "invalid-input"), (left, kind_of)):
                    others = {i: row for i, row in rows.items() if i not in new}
                    model.check_new_keys(Content(base.columns, base.keys, others), keys, found)
            return done

        sql = ", ".join(a.sql for a in assignments)
        self.write(number, data, "update", [sql, predicate.sql], apply, by_position=True)

    @rule(number=SESSIONS, data=st.data())
    def restore(self, number: int, data: st.DataObject) -> None:
        self.aim(data)
        session, _, _ = self.seen(number)
        drawn = self.draw_version(data, session)
        if drawn is None:
            self.aimed = None
            return
        version, target = drawn
        wanted = self.world.content(target)
        own = self.world.see(session).own
        if version in own:
            self.aimed = None
            return

        def apply(content: Content) -> Effect:
            self._check_unchanged(number, content)
            done = model.restore(content, wanted)
            same = content.columns == wanted.columns and not (done.inserted or done.deleted)
            return Effect(content) if same else done

        self.write(number, data, "restore", [version], apply, by_position=True)
