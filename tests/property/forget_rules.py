"""Rules that forget rows, and those of checks and comments."""

from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from space_sql.format.paths import entry_path
from tests.concurrency.sql import call_sql
from tests.property.driver import SESSIONS, Driver
from tests.property.model import Content, Effect, Entry, Refused
from tests.property.sources import quoted
from tests.property.world import MAIN

NAMES = st.sampled_from(["small", "few"])


class ForgetRules(Driver):
    """Forgetting by key, checks of the key, comments."""

    @precondition(lambda self: not any(s.in_transaction for s in self.sessions))
    @rule(number=SESSIONS, key=st.integers(1, 6))
    def forget(self, number: int, key: int) -> None:
        """Rows of a key leave every version; nothing else changes."""
        branch = self.sessions[number].branch or MAIN
        if branch not in self.world.branches:
            return
        column = self.world.content(self.world.branches[branch]).columns[0]
        named = {c.id for e in self.world.entries for c in e.effect.content.columns if c.name == column.name}
        key_id = self.world.content(0).keys[0]
        if column.id != key_id or named != {key_id}:
            return  # the name meant something else once
        sql = call_sql("space_forget", self.path, f"{quoted(column.name)} = {key}")
        note(f"connection {number}: CALL {sql}")
        ((snapshot_id, rows, *_),) = self.connections[number].execute(f"CALL {sql}").fetchall()
        readable = [e for e in self.world.entries if self.world.readable(e.snapshot_id)]
        seen = {i for e in readable for i, row in e.effect.content.rows.items() if row.get(key_id) == key}
        assert rows >= len(seen), "each state of a row counts"
        if snapshot_id is None:
            assert not seen
            return
        assert snapshot_id == len(self.world.entries)
        entry = orjson.loads((self.path / entry_path(snapshot_id)).read_bytes())
        texts = set(entry["forgets"]["texts"])
        self.world.entries = [self._without(e, key_id, key, told=e.snapshot_id in texts) for e in self.world.entries]
        self.world.keys = {k: (sql, row) for k, (sql, row) in self.world.keys.items() if row[0] not in texts}
        head = self.world.branches[branch]
        for what in ("forget", "forgot"):
            effect = Effect(self.world.content(head))
            self.world.entries.append(Entry(len(self.world.entries), head, branch, what, effect, None, advances=False))
        self.changed |= {*self.world.branches, *self.world.tags}

    def _without(self, entry: Entry, column: int, key: int, *, told: bool) -> Entry:
        """An entry whose contents lack the rows of a key."""

        def cut(content: Content) -> Content:
            return replace(content, rows={i: row for i, row in content.rows.items() if row.get(column) != key})

        effect = replace(entry.effect, content=cut(entry.effect.content))
        before = None if entry.before is None else cut(entry.before)
        entry = replace(entry, effect=effect, before=before)
        return replace(entry, author=None, message="(forgotten)") if told else entry

    @rule(number=SESSIONS, data=st.data(), name=NAMES, refused=st.integers(1, 8))
    def add_check(self, number: int, data: st.DataObject, name: str, refused: int) -> None:
        self.aim(data)
        _, _, base = self.seen(number)
        key = (base or self.world.content(0)).columns[0]

        def apply(content: Content) -> Effect:
            if any(check == name for check, _, _ in content.checks):
                raise Refused("already-exists")
            column = content.column(key.id)
            if column is None or column.name != key.name:
                raise Refused("invalid-input")
            check = (name, key.id, refused)
            content_with = replace(content, checks=(*content.checks, check))
            content_with.check(content.rows.values())
            return Effect(content_with)

        self.write(number, data, "add_check", [name, f"{quoted(key.name)} <> {refused}"], apply)

    @rule(number=SESSIONS, data=st.data(), name=NAMES)
    def drop_check(self, number: int, data: st.DataObject, name: str) -> None:
        self.aim(data)

        def apply(content: Content) -> Effect:
            kept = tuple(check for check in content.checks if check[0] != name)
            if kept == content.checks:
                raise Refused("not-found")
            return Effect(replace(content, checks=kept))

        self.write(number, data, "drop_check", [name], apply)

    @rule(number=SESSIONS, data=st.data(), comment=st.sampled_from(["it's", None]))
    def set_comment(self, number: int, data: st.DataObject, comment: str | None) -> None:
        def apply(content: Content) -> Effect:
            return Effect(content if content.comment == comment else replace(content, comment=comment))

        self.aimed = None
        self.write(number, data, "set_comment", [comment], apply)
        head = self.world.content(self.world.branches[MAIN])
        shown = self.reader.execute(f"SELECT comment FROM {call_sql('space_info', self.path)}").fetchall()
        assert shown == [(head.comment,)]
