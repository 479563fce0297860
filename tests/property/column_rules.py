"""Rules that change columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.property import model
from tests.property.driver import SESSIONS, Driver
from tests.property.model import Column, Content, Effect, Refused
from tests.property.sources import NAMES, TYPES, quoted


class ColumnRules(Driver):
    """Add, rename and drop a column."""

    def column_write(
        self,
        number: int,
        data: st.DataObject,
        operation: str,
        arguments: Sequence[object],
        change: Callable[[Content], tuple[Column, ...]],
    ) -> None:
        def apply(content: Content) -> Effect:
            after = change(content)
            return Effect(content) if after == content.columns else model.change_columns(content, lambda _: after)

        self.write(number, data, operation, arguments, apply)

    @rule(number=SESSIONS, data=st.data(), name=st.sampled_from(NAMES))
    def add_column(self, number: int, data: st.DataObject, name: str) -> None:
        self.aim(data)
        new = Column(next(self.column_ids), name, data.draw(st.sampled_from(TYPES)))

        def change(content: Content) -> tuple[Column, ...]:
            if content.named(name) is not None:
                raise Refused("invalid-input")
            return (*content.columns, new)

        self.column_write(number, data, "add_column", [f"{quoted(name)} {new.type}"], change)

    @rule(number=SESSIONS, data=st.data(), new=st.sampled_from(NAMES))
    def rename_column(self, number: int, data: st.DataObject, new: str) -> None:
        self.aim(data)
        _, _, base = self.seen(number)
        old = data.draw(st.sampled_from([c.name for c in (base or self.world.content(0)).columns]))

        def change(content: Content) -> tuple[Column, ...]:
            column = _meant(base, content, old)
            taken = content.named(new)
            if taken is not None and taken.id != column.id:
                raise Refused("invalid-input", "conflict")
            if column.name != new:
                _check_free(content, column)
            return tuple(Column(c.id, new, c.type) if c.id == column.id else c for c in content.columns)

        self.column_write(number, data, "rename_column", [old, new], change)

    @rule(number=SESSIONS, data=st.data())
    def drop_column(self, number: int, data: st.DataObject) -> None:
        self.aim(data)
        _, _, base = self.seen(number)
        name = data.draw(st.sampled_from([c.name for c in (base or self.world.content(0)).columns] + ["label"]))

        def change(content: Content) -> tuple[Column, ...]:
            column = _meant(base, content, name)
            if column.id in content.keys:
                raise Refused("invalid-input")
            return tuple(c for c in content.columns if c.id != column.id)

        self.column_write(number, data, "drop_column", [name], change)


def _check_free(content: Content, column: Column) -> None:
    """Refuse to rename a column that a check names."""
    if any(column.id == checked for _, checked, _ in content.checks):
        raise Refused("invalid-input")


def _meant(base: Content | None, content: Content, name: str) -> Column:
    """The column that a session means by a name: that of its own view, as it is in the content."""
    if base is None:
        raise Refused("not-found")
    column = base.named(name)
    if column is None:
        raise Refused("not-found")
    now = content.column(column.id)
    if now is None:
        raise Refused("not-found", "conflict")
    if now != column:
        raise Refused("conflict", "not-found")
    return now
