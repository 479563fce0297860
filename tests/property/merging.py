"""Merging two contents in the model: column by column, then cell by cell.

With several common ancestors a cell is taken over only where all of them say the same of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.property.model import Births, Column, Content, Effect, Refused, Values, bag_difference, with_checks_of
from tests.property.values import Value

Key = tuple[Value, ...]
Resolution = tuple[Values, bool | None]
"""Final values of all columns, and what is said of the row: true deletes it, false keeps it."""


class Untold(Exception):
    """The model does not say what becomes of this."""


@dataclass(frozen=True)
class Slot:
    """A column of the merge by what it is on each side; ``dropped`` names the side that has it no more."""

    id: int
    ours: Column | None
    theirs: Column | None
    bases: tuple[Column | None, ...]
    dropped: str | None


@dataclass
class Merge:
    """A three-way merge; ``conflicts`` are ``(key, column id)``, with None for a whole row or a whole column."""

    bases: Sequence[Content]
    ours: Content
    theirs: Content
    strategy: str
    resolutions: Mapping[Key, Resolution]

    def __post_init__(self) -> None:
        self.conflicts: set[tuple[Key | None, int | None]] = set()
        self.slots = self._slots()
        self.columns = self._columns()

    # -- columns --------------------------------------------------------------------------------

    def _slots(self) -> list[Slot]:
        found = []
        for number in dict.fromkeys(c.id for c in (*self.ours.columns, *self.theirs.columns)):
            mine, yours = self.ours.column(number), self.theirs.column(number)
            bases = tuple(b.column(number) for b in self.bases)
            gone = any(bases) and (mine is None or yours is None)
            dropped = ("ours" if mine is None else "theirs") if gone else None
            if dropped is not None and not all(bases):
                self.conflicts.add((None, number))
            found.append(Slot(number, mine, yours, bases, dropped))
        return found

    def _columns(self) -> tuple[Column, ...]:
        columns = []
        for slot in self.slots:
            if slot.dropped is None or self._stays(slot):
                columns.append(self._united(slot))
        names = [c.name.casefold() for c in columns]
        if len(set(names)) < len(names):
            raise Refused("conflict")
        return tuple(columns)

    def _stays(self, slot: Slot) -> bool:
        """Whether a dropped column stays, since the winner edited it."""
        if self.strategy == "fail" or slot.dropped == self.strategy:
            return False
        if not any(self._edits_of_dropped(slot)) and all(slot.bases):
            return False
        if slot.dropped == "ours":
            raise Refused("conflict")
        return True

    def _united(self, slot: Slot) -> Column:
        mine, yours = slot.ours, slot.theirs
        if mine is None or yours is None:
            found = mine or yours
            assert found is not None
            return found
        names = {b.name for b in slot.bases if b is not None}
        type_ = "BIGINT" if mine.type != yours.type else mine.type
        if mine.name == yours.name or names == {yours.name}:
            name = mine.name
        elif names == {mine.name}:
            name = yours.name
        elif mine.name.casefold() == yours.name.casefold():
            name = mine.name
        else:
            name = yours.name if self.strategy == "theirs" else mine.name
            self.conflicts.add((None, slot.id))
        return Column(slot.id, name, type_)

    def _edits_of_dropped(self, slot: Slot) -> list[Key]:
        """The keys of rows in which the side that still has a column changed it."""
        side = self.theirs if slot.dropped == "ours" else self.ours
        return [key for key, row in by_key(side).items() if self._edited(slot, key, row)]

    # -- rows -----------------------------------------------------------------------------------

    def _before(self, key: Key) -> list[Values | None]:
        return [by_key(base).get(key) for base in self.bases]

    def _as_all_bases(self, slot: Slot, key: Key, value: Value) -> bool:
        """Whether all ancestors have the row with this value."""
        rows = zip(self._before(key), slot.bases, strict=True)
        return all(row is not None and (row.get(slot.id) if column else None) == value for row, column in rows)

    def _edited(self, slot: Slot, key: Key, row: Values) -> bool:
        value = row.get(slot.id)
        if not any(b is not None for b in self._before(key)):
            return slot.dropped is not None and value is not None
        return not self._as_all_bases(slot, key, value)

    def apply(self, births: Births) -> Effect:
        """The merged content. Refused when conflicts are left."""
        mine, yours = by_key(self.ours), by_key(self.theirs)
        kept = {c.id for c in self.columns}
        for slot in self.slots:
            if slot.dropped is not None and slot.id not in kept:
                self.conflicts |= {(key, slot.id) for key in self._edits_of_dropped(slot)}
        rows: dict[Key, Values | None] = {}
        for key in mine.keys() | yours.keys():
            rows[key] = self._row(key, mine.get(key), yours.get(key), [s for s in self.slots if s.id in kept])
        open_ = {(k, c) for k, c in self.conflicts if k is None or k not in self.resolutions or c not in kept | {None}}
        if open_ and self.strategy == "fail":
            raise Refused("conflict")
        return self._effect(rows, births)

    def _row(self, key: Key, mine: Values | None, yours: Values | None, slots: Sequence[Slot]) -> Values | None:
        resolution = self.resolutions.get(key)
        if mine is not None and yours is not None:
            bad = {s.id for s in slots if self._clash(s, key, mine, yours)}
            self.conflicts |= {(key, number) for number in bad}
            if bad and resolution is not None and resolution[1]:
                return None
            out = {s.id: self._cell(s, key, mine, yours) for s in slots}
            return {**out, **{n: resolution[0].get(n) for n in bad}} if resolution is not None else out
        alone = mine if mine is not None else yours
        assert alone is not None
        own = [s for s in slots if (s.ours if mine is not None else s.theirs) is not None]
        before = self._before(key)
        if not any(b is not None for b in before):
            return alone
        bad = {s.id for s in own if self._edited(s, key, alone)}
        self.conflicts |= {(key, number) for number in bad}
        disagree = not all(b is not None for b in before)
        if disagree and not bad:
            self.conflicts.add((key, None))
        if not bad and not disagree:
            return None
        if resolution is not None:
            return None if resolution[1] else {**alone, **{n: resolution[0].get(n) for n in bad}}
        return mine if self.strategy == "ours" else yours

    def _clash(self, slot: Slot, key: Key, mine: Values, yours: Values) -> bool:
        if slot.ours is None or slot.theirs is None:
            return slot.dropped is not None and self._edited(slot, key, mine if slot.theirs is None else yours)
        a, b = mine.get(slot.id), yours.get(slot.id)
        return a != b and not self._as_all_bases(slot, key, a) and not self._as_all_bases(slot, key, b)

    def _cell(self, slot: Slot, key: Key, mine: Values, yours: Values) -> Value:
        a, b = mine.get(slot.id), yours.get(slot.id)
        if slot.theirs is None:
            return a
        if slot.ours is None:
            return b
        if self._clash(slot, key, mine, yours):
            return b if self.strategy == "theirs" else a
        return b if self._as_all_bases(slot, key, a) else a

    def _effect(self, rows: Mapping[Key, Values | None], births: Births) -> Effect:
        shape = Content(self.columns, self.ours.keys)
        ours = {self.ours.key(row): (identity, row) for identity, row in self.ours.rows.items()}
        after, gone = dict(self.ours.rows), dict(self.ours.gone)
        posts: set[int] = set()
        counts: Counter[str] = Counter()
        for number, (key, row) in enumerate(sorted(rows.items(), key=lambda item: repr(item[0]))):
            identity, old = ours.get(key, (None, None))
            if old is not None and row is not None and shape.shape(_within(self.ours, old)) == shape.shape(row):
                continue
            if identity is not None:
                del after[identity]
                gone[identity] = "delete" if row is None else "update"
                counts["delete" if row is None else "update"] += 1
            if row is not None:
                new = births.identity("merged", number)
                after[new] = {c.id: row.get(c.id) for c in self.columns}
                if identity is None:
                    counts["insert"] += 1
                else:
                    posts.add(new)
        content = with_checks_of(self.ours, replace(self.ours, columns=self.columns, rows=after, gone=gone))
        return Effect(content, counts["insert"], counts["update"], counts["delete"], frozenset(posts))


def forward(ours: Content, theirs: Content) -> Effect:
    """The branch's content in place of the target's."""
    came, went = bag_difference(ours, theirs, theirs.columns)
    at = [theirs.columns.index(c) for c in theirs.columns if c.id in theirs.keys]
    updated = len({tuple(r[i] for i in at) for r in came} & {tuple(r[i] for i in at) for r in went})
    after = with_checks_of(ours, theirs)
    return Effect(after, inserted=came.total() - updated, updated=updated, deleted=went.total() - updated)


def by_key(content: Content) -> dict[Key, Values]:
    """Rows by key, with the values that the version shows."""
    return {content.key(row): _within(content, row) for row in content.rows.values()}


def _within(content: Content, row: Values) -> Values:
    return {c.id: row.get(c.id) for c in content.columns}
