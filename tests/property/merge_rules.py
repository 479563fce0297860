"""Rules that merge branches, and read what merges and all other commits left of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.concurrency.sql import call_sql, kind
from tests.property import checks, model
from tests.property.column_rules import ColumnRules
from tests.property.driver import SESSIONS
from tests.property.merging import Key, Merge, Resolution, Untold
from tests.property.model import Column, Content, Refused
from tests.property.ref_rules import REFS, RefRules
from tests.property.row_rules import RowRules
from tests.property.sources import NAMES, source_sql
from tests.property.values import Literal, freeze, integer, literal, null, text, values
from tests.property.world import MAIN, Outcome

STRATEGIES = st.sampled_from(["fail", "fail", "ours", "theirs"])


class MergeRules(RowRules, ColumnRules, RefRules):
    """Merging and its conflicts, the history of rows and who wrote them."""

    @rule(number=SESSIONS, data=st.data(), strategy=STRATEGIES)
    def merge(self, number: int, data: st.DataObject, strategy: str) -> None:
        if not self.sessions[number].in_transaction:
            names = sorted(self.world.branches)
            branch, target = data.draw(st.sampled_from([*names, "nobody"])), data.draw(st.sampled_from(names))
            self.merge_of(number, data, branch, target, strategy)

    @rule(number=SESSIONS, data=st.data(), strategies=st.lists(STRATEGIES, min_size=1, max_size=3))
    def work_on_two_branches(self, number: int, data: st.DataObject, strategies: list[str]) -> None:
        """Both go on, and are merged back and forth."""
        if self.sessions[number].in_transaction:
            return
        if not checks.unique(self.world.content(self.world.branches[MAIN])):
            self.aimed = MAIN
            _, _, content = self.seen(number)
            assert content is not None
            self.write(number, data, "delete", ["true"], lambda tip: model.delete(tip, tip.rows), by_position=True)
        if len(self.world.branches) == 1:
            self.working_on = None
            name = next((n for n in REFS if n not in self.world.tags), None)
            if name is None:
                return
            self.make_branch(number, name)
        other = data.draw(st.sampled_from(sorted(self.world.branches.keys() - {MAIN})))
        work = [*[self.upsert] * 3, *[self.update] * 2, self.insert, self.delete, self.change_a_column]
        for strategy in strategies:
            for _ in range(data.draw(st.integers(1, 4))):
                self.working_on = data.draw(st.sampled_from([MAIN, other]))
                data.draw(st.sampled_from(work))(number, data)
            self.working_on = self.aimed = None
            ends = data.draw(st.permutations([MAIN, other]))
            self.merge_of(number, data, *ends, strategy)

    def change_a_column(self, number: int, data: st.DataObject) -> None:
        """Add, rename or drop one."""
        name = data.draw(st.sampled_from(NAMES))
        match data.draw(st.sampled_from(["add", "rename", "drop"])):
            case "add":
                self.add_column(number, data, name)
            case "rename":
                self.rename_column(number, data, name)
            case "drop":
                self.drop_column(number, data)

    def make_branch(self, number: int, name: str) -> None:
        """A branch of main."""
        head = self.world.branches[MAIN]
        sql = call_sql("space_branch", self.path, name, version=MAIN)
        _, branch, _ = self.seen(number)
        if self.run(number, sql, lambda: self.world.ref(self.sessions[number], branch, "branch", head)) is not None:
            self.world.branches[name] = head

    def merge_of(self, number: int, data: st.DataObject, branch: str, target: str, strategy: str) -> None:
        """Merge a branch into another, and look at the conflicts first."""
        resolutions: dict[Key, Resolution] = {}
        named: dict[str, object] = {"target": target, "strategy": strategy}
        try:
            self.world.uniting.clear()
            if not self._clear(branch, target):
                raise Untold
            found = self._conflicts(branch, target)
            if found is not None and strategy == "fail" and data.draw(st.booleans()):
                resolutions, source = _resolutions(data, found)
                named |= {"resolutions": source} if source else {}
        except Untold:
            self._try(number, branch, named)
            return
        except Refused:
            pass
        if data.draw(st.booleans()):
            self._try(number, branch, named)
        options: dict[str, Any] = {}
        if data.draw(st.booleans()):
            options = {"message": "merged", "author": "ann"}
        sql = call_sql("space_merge", self.path, branch, **named, **options)

        def expect() -> Outcome:
            return self.world.merge(branch, target, strategy, resolutions)

        self.run(number, sql, expect, **options)

    def _clear(self, branch: str, target: str) -> bool:
        """Whether every key is there once, so that the model says what a merge does."""
        if branch not in self.world.branches:
            return True
        ours, theirs = self.world.branches[target], self.world.branches[branch]
        met = [self.world.content(i) for i in (ours, theirs, *self.world.bases(ours, theirs))]
        return all(map(checks.unique, met))

    def _try(self, number: int, branch: str, named: Mapping[str, object]) -> None:
        """A dry run changes nothing, whatever comes of it."""
        sql = call_sql("space_merge", self.path, branch, **named, dry_run=True)
        try:
            self.connections[number].execute(f"CALL {sql}").fetchall()
        except duckdb.Error as error:
            assert kind(error) in ("conflict", "invalid-input", "not-found")  # noqa: PT017 - both ways are looked at
        self.changed |= self.world.branches.keys()

    def _conflicts(self, branch: str, target: str) -> Merge | None:
        """Hold the listed conflicts against the model's; the merge if it is one of two branches that went on."""
        sql = f"FROM {call_sql('space_conflicts', self.path, branch, target=target)}"
        ours, theirs = self.world.branches[target], self.world.branches.get(branch)
        bases = [] if theirs is None else self.world.bases(ours, theirs)
        if theirs is not None and bases in ([theirs], [ours]):
            assert self.reader.execute(sql).fetchall() == []
            return None
        try:
            if theirs is None:
                raise Refused("not-found")
            merge = self.world.three_way(branch, target, "fail", {})
        except Refused as refused:
            try:
                self.reader.execute(sql).fetchall()
            except duckdb.Error as error:
                assert kind(error) in refused.kinds  # noqa: PT017 - both ways are looked at
                raise refused from None
            raise AssertionError(f"{sql} lists conflicts, expected {refused.kinds}") from None
        try:
            merge.apply(model.Births())
        except Refused:
            assert merge.conflicts
        names = {s.id: (s.ours or s.theirs).name for s in merge.slots}  # type: ignore[union-attr]
        names |= {c.id: c.name for c in merge.columns}
        expected = {(key, number and names[number]) for key, number in merge.conflicts}
        rows = self.reader.execute(sql).fetchall()
        listed = [(None if key is None else tuple(map(freeze, key.values())), column) for key, _, column, *_ in rows]
        assert len(set(listed)) == len(listed)
        assert set(listed) == expected, sql
        return merge

    @rule(number=SESSIONS, data=st.data())
    def look_back(self, number: int, data: st.DataObject) -> None:
        session = self.sessions[number]
        branch = session.branch or MAIN
        if session.in_transaction or branch not in self.world.branches:
            return
        reading = checks.Reading(self.connections[number], self.path, self.world)
        reading.blame(branch)
        content = self.world.content(self.world.branches[branch])
        keys = {e.effect.content.key(row) for e in self.world.entries for row in e.effect.content.rows.values()}
        known = sorted((k for k in keys if None not in k), key=repr)
        if known:
            key = data.draw(st.sampled_from(known))
            named = zip(content.keys, map(_literal, key), strict=True)
            shown = {content.column(n).name: cell.sql for n, cell in named}  # type: ignore[union-attr]
            struct = "{" + ", ".join(f"'{name}': {sql}" for name, sql in shown.items()) + "}"
            reading.row_history(session, key, struct if len(shown) > 1 else next(iter(shown.values())))


def _resolutions(data: st.DataObject, merge: Merge) -> tuple[dict[Key, Resolution], str | None]:
    """Final values for every conflict, by key and as a source; none when values alone do not decide."""
    kept = [c for c in merge.columns if c.id not in merge.ours.keys]
    decidable = {c.id for c in kept} | {None}
    if not merge.conflicts or any(k is None or None in k or c not in decidable for k, c in merge.conflicts):
        return {}, None
    keys = [c for c in merge.columns if c.id in merge.ours.keys]
    columns = [*keys, *kept, Column(-1, "_delete", "BOOLEAN")]
    out: dict[Key, Resolution] = {}
    rows: list[list[Literal]] = []
    for key in sorted({k for k, _ in merge.conflicts if k is not None}, key=repr):
        cells = [data.draw(values(c.type)) for c in kept]
        both = all(_has(content, key) for content in (merge.ours, merge.theirs))
        gone = data.draw(st.sampled_from([None, True, False] if both else [True, False]))
        out[key] = ({c.id: cell.value for c, cell in zip(kept, cells, strict=True)}, gone)
        at = dict(zip(merge.ours.keys, key, strict=True))
        said = null("BOOLEAN") if gone is None else literal("BOOLEAN", str(gone).lower())
        rows.append([*(_literal(at[c.id]) for c in keys), *cells, said])
    return out, source_sql(columns, rows)


def _has(content: Content, key: Key) -> bool:
    return any(content.key(row) == key for row in content.rows.values())


def _literal(value: object) -> Literal:
    return integer(value) if isinstance(value, int) else text(str(value))
