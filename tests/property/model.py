"""A dataset as plain Python: what every write does to rows that have identities.

Two rows with equal values are two rows; a row that is changed is another row. So counts, the change
feed and what a restore brings back follow from sets of identities.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.property.values import Value

Values = Mapping[int, Value]
Shown = Counter[tuple[Value, ...]]

_identities = itertools.count(1)


class Births:
    """Identities of the rows that one write makes: the same ones wherever the write is put."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, int], int] = {}

    def identity(self, what: str, number: int) -> int:
        """The identity of the row made of the source's row of that number, or of a former row."""
        return self._given.setdefault((what, number), next(_identities))


class Refused(Exception):
    """What was asked fails, with one of these kinds of error."""

    def __init__(self, *kinds: str) -> None:
        super().__init__(*kinds)
        self.kinds = frozenset(kinds)


@dataclass(frozen=True)
class Column:
    """A column; its id never changes."""

    id: int
    name: str
    type: str


@dataclass(frozen=True)
class Content:
    """One version: rows by identity, values by column id; ``gone`` says how former rows went; and its checks."""

    columns: tuple[Column, ...]
    keys: tuple[int, ...]
    rows: Mapping[int, Values] = field(default_factory=dict)
    gone: Mapping[int, str] = field(default_factory=dict)
    checks: tuple[tuple[str, int, int], ...] = ()
    comment: str | None = None

    def check(self, rows: Iterable[Values]) -> None:
        """Refuse rows that break a check: each names a column and a value that no row may have in it."""
        if any(values.get(column) == refused for values in rows for _, column, refused in self.checks):
            raise Refused("invalid-input")

    def named(self, name: str) -> Column | None:
        """The column of a name, ignoring case."""
        return next((c for c in self.columns if c.name.casefold() == name.casefold()), None)

    def column(self, number: int) -> Column | None:
        """The column of an id."""
        return next((c for c in self.columns if c.id == number), None)

    def shown(self) -> Shown:
        """The rows as a scan returns them, in no order."""
        return Counter(self.shape(values) for values in self.rows.values())

    def with_column_as(self, old: int, new: int) -> Content:
        """The same with another id for a column."""
        columns = tuple(replace(c, id=new) if c.id == old else c for c in self.columns)
        rows = {i: {new if n == old else n: v for n, v in row.items() if n != new} for i, row in self.rows.items()}
        return replace(self, columns=columns, rows=rows)

    @property
    def ids(self) -> frozenset[int]:
        """Identities of the columns."""
        return frozenset(c.id for c in self.columns)

    def in_columns(self, values: Values, columns: Sequence[Column]) -> tuple[Value, ...]:
        """A row in the columns of another version: NULL where this one lacks a column."""
        return tuple(values.get(c.id) if c.id in self.ids else None for c in columns)

    def shape(self, values: Values) -> tuple[Value, ...]:
        """Values in the order of the columns."""
        return tuple(values.get(c.id) for c in self.columns)

    def key(self, values: Values) -> tuple[Value, ...]:
        """The key of a row."""
        return tuple(values.get(number) for number in self.keys)

    @property
    def identity(self) -> tuple[frozenset[int], Mapping[int, str]]:
        """What a write must find unchanged to replace all rows."""
        return frozenset(self.rows), self.gone


@dataclass(frozen=True)
class Effect:
    """What a write did: None of the counts set and ``content`` the same means no commit."""

    content: Content
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    postimages: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Entry:
    """One entry of the log."""

    snapshot_id: int
    parent_id: int | None
    branch: str
    operation: str
    effect: Effect
    before: Content | None
    advances: bool = True
    author: str | None = None
    message: str | None = None
    merge_parent_id: int | None = None
    forward: bool = False

    @property
    def row(self) -> tuple[Value, ...]:
        """What ``space_snapshots`` shows of it."""
        e = self.effect
        counts = (e.inserted, e.updated, e.deleted)
        return (
            *(self.snapshot_id, self.parent_id, self.branch, self.operation, *counts),
            *(self.author, self.message, self.merge_parent_id),
        )

    def feed(self, columns: Sequence[Column]) -> Counter[tuple[Value, ...]]:
        """What ``space_changes`` shows of it, with the columns of a later version."""
        out: Counter[tuple[Value, ...]] = Counter()
        if self.before is None or not self.advances:
            return out
        if self.operation == "restore":
            came, went = bag_difference(self.before, self.effect.content, columns)
            out.update({(self.snapshot_id, "delete", *row): count for row, count in went.items()})
            out.update({(self.snapshot_id, "insert", *row): count for row, count in came.items()})
            return out
        replaces = self.operation in ("update", "upsert")
        before, after = self.before, self.effect.content
        lost = [c.id for c in columns if c.id in before.ids and c.id not in after.ids]
        if self.operation == "merge" and (self.forward or lost):
            return self._paired(before, after, columns)
        for identity, values in before.rows.items():
            if identity not in after.rows:
                replaced = replaces or (self.operation == "merge" and after.gone[identity] == "update")
                change = "update_preimage" if replaced else "delete"
                out[self.snapshot_id, change, *before.in_columns(values, columns)] += 1
            elif any(values.get(i) is not None for i in lost):  # dropped here, and there again in the later version
                out[self.snapshot_id, "update_preimage", *before.in_columns(values, columns)] += 1
                out[self.snapshot_id, "update_postimage", *after.in_columns(values, columns)] += 1
        for identity, values in after.rows.items():
            if identity not in before.rows:
                change = "update_postimage" if identity in self.effect.postimages else "insert"
                out[self.snapshot_id, change, *after.in_columns(values, columns)] += 1
        return out

    def _paired(self, before: Content, after: Content, columns: Sequence[Column]) -> Counter[tuple[Value, ...]]:
        """What differs as values; rows of one key are an update."""
        came, went = bag_difference(before, after, columns)
        at = [i for i, c in enumerate(columns) if c.id in after.keys]
        both = {tuple(r[i] for i in at) for r in came} & {tuple(r[i] for i in at) for r in went}
        out: Counter[tuple[Value, ...]] = Counter()
        for rows, alone, paired in ((went, "delete", "update_preimage"), (came, "insert", "update_postimage")):
            for row, count in rows.items():
                out[self.snapshot_id, paired if tuple(row[i] for i in at) in both else alone, *row] += count
        return out


def bag_difference(before: Content, after: Content, columns: Sequence[Column]) -> tuple[Shown, Shown]:
    """Rows that came and rows that went between two versions, as multisets of values."""
    sides = [
        Counter(content.in_columns(values, columns) for values in content.rows.values()) for content in (before, after)
    ]
    return sides[1] - sides[0], sides[0] - sides[1]


def columns_after(base: Content, mine: tuple[Column, ...], tip: Content) -> Content:
    """The tip with the schema change of a write that was planned on ``base``."""
    columns = list(tip.columns)
    for column in mine:
        before, now = base.column(column.id), tip.column(column.id)
        if column == before:
            continue
        if before is None and tip.named(column.name) is None:
            columns.append(column)
        elif before is not None and now == before:
            columns[columns.index(now)] = column
        elif now != column:
            raise Refused("conflict")
    return replace(tip, columns=tuple(columns))


def _with(content: Content, added: Mapping[int, Values]) -> Content:
    return replace(content, rows={**content.rows, **added})


def born(births: Births, rows: Sequence[Values]) -> dict[int, Values]:
    """The rows of a source by identity."""
    return {births.identity("source", number): values for number, values in enumerate(rows)}


def _without(content: Content, identities: Iterable[int], how: str) -> Content:
    lost = dict.fromkeys(identities, how)
    rows = {i: values for i, values in content.rows.items() if i not in lost}
    return replace(content, rows=rows, gone={**content.gone, **lost})


def append(content: Content, rows: Sequence[Values], births: Births) -> Effect:
    """Rows in, keys unchecked."""
    return Effect(_with(content, born(births, rows)), inserted=len(rows))


def check_source_keys(content: Content, rows: Sequence[Values]) -> None:
    """Refuse NULL keys and keys that a source repeats."""
    keys = [content.key(values) for values in rows]
    if any(None in key for key in keys) or len(set(keys)) < len(keys):
        raise Refused("invalid-input")


def check_new_keys(content: Content, keys: Iterable[tuple[Value, ...]], kind: str) -> None:
    """Refuse keys that are stored."""
    stored = {content.key(values) for values in content.rows.values()}
    if stored & set(keys):
        raise Refused(kind)


def upsert(content: Content, rows: Sequence[Values], births: Births) -> Effect:
    """Replace rows whose key exists, add the rest; equal rows are no change."""
    stored: dict[tuple[Value, ...], list[int]] = {}
    for identity, values in content.rows.items():
        stored.setdefault(content.key(values), []).append(identity)
    inserted: dict[int, Values] = {}
    updated: dict[int, Values] = {}
    replaced: list[int] = []
    known = {c.id for c in content.columns}
    for new, given in born(births, rows).items():
        found = stored.get(content.key(given), [])
        if not found:
            inserted[new] = given
            continue
        old = content.rows[min(found)]
        same = all(old.get(number) == value for number, value in given.items() if number in known)
        if len(found) > 1 or not same:
            updated[new] = {**old, **given}
            replaced += found
    after = _with(_without(content, replaced, "update"), {**inserted, **updated})
    return Effect(after, inserted=len(inserted), updated=len(updated), postimages=frozenset(updated))


def update(content: Content, new: Mapping[int, Values], births: Births) -> Effect:
    """New values for rows by identity; all of them must be there."""
    if not new.keys() <= content.rows.keys():
        raise Refused("conflict")
    added = {births.identity("former", identity): values for identity, values in new.items()}
    after = _with(_without(content, new, "update"), added)
    return Effect(after, updated=len(new), postimages=frozenset(added))


def delete(content: Content, identities: Iterable[int]) -> Effect:
    """Rows out; those that another delete took are gone already."""
    identities = set(identities)
    here = identities & content.rows.keys()
    if any(content.gone.get(identity) != "delete" for identity in identities - here):
        raise Refused("conflict")
    return Effect(_without(content, here, "delete"), deleted=len(here))


def overwrite(content: Content, rows: Sequence[Values], births: Births) -> Effect:
    """New content."""
    after = replace(content, rows=born(births, rows), gone={})
    return Effect(after, inserted=len(rows), deleted=len(content.rows))


def with_checks_of(content: Content, wanted: Content) -> Content:
    """A version from elsewhere with the checks and the comment of a branch, which are the branch's own."""
    for _, number, _ in content.checks:
        here, there = content.column(number), wanted.column(number)
        if here is None or there is None or here.name.casefold() != there.name.casefold():
            raise Refused("invalid-input")
    return replace(wanted, checks=content.checks, comment=content.comment)


def restore(content: Content, wanted: Content) -> Effect:
    """The rows and columns of another version; what both have counts as kept, whichever row it is."""
    came, went = bag_difference(content, wanted, wanted.columns)
    wanted = with_checks_of(content, wanted)
    return Effect(wanted, inserted=came.total(), deleted=went.total())


def change_columns(content: Content, change: Callable[[Content], tuple[Column, ...]]) -> Effect:
    """Another schema."""
    return Effect(replace(content, columns=change(content)))


@dataclass(frozen=True)
class DiffRow:
    """One row of ``space_diff`` with the values of both sides by column name."""

    kind: str
    before: tuple[tuple[str, Value], ...] | None
    after: tuple[tuple[str, Value], ...] | None


@dataclass(frozen=True)
class Pair:
    """A column of a difference: what it is called there, and the columns that it shows of the two versions."""

    name: str
    before: int
    after: int


def diff_columns(older: Content, newer: Content, *, forward: bool) -> list[Pair]:
    """The columns of a difference, the newer version's first; ``forward`` when it leads from the older version."""
    pairs = {c.name.casefold(): Pair(c.name, c.id, c.id) for c in newer.columns}
    taken = {c.name.casefold() for c in (*newer.columns, *older.columns)}
    for c in older.columns:
        if c.id in newer.ids:
            continue
        name, holder = c.name, pairs.get(c.name.casefold())
        if holder is None:
            pairs[name.casefold()] = Pair(name, c.id, c.id)
        elif holder.after not in older.ids:
            ends = (c.id, holder.after) if forward else (holder.before, c.id)
            pairs[name.casefold()] = Pair(holder.name, *ends)
        else:
            number = next(n for n in itertools.count(1) if f"{name}_{n}".casefold() not in taken)
            taken.add(f"{name}_{number}".casefold())
            pairs[f"{name}_{number}".casefold()] = Pair(f"{name}_{number}", c.id, c.id)
    return list(pairs.values())


def diff(first: Content, second: Content, pairs: Sequence[Pair]) -> Counter[DiffRow]:
    """The net difference of two versions whose keys are unique."""
    out: Counter[DiffRow] = Counter()
    slots = sorted(first.ids | second.ids)
    a = {first.key(values): values for values in first.rows.values()}
    b = {second.key(values): values for values in second.rows.values()}
    for key in a.keys() | b.keys():
        here, there = a.get(key), b.get(key)
        if here is None or there is None:
            kind = "added" if here is None else "removed"
        elif [_slot(first, here, s) for s in slots] != [_slot(second, there, s) for s in slots]:
            kind = "modified"
        else:
            continue
        before = None if here is None else tuple((p.name, _slot(first, here, p.before)) for p in pairs)
        after = None if there is None else tuple((p.name, _slot(second, there, p.after)) for p in pairs)
        out[DiffRow(kind, before, after)] += 1
    return out


def _slot(content: Content, values: Values, number: int) -> Value:
    return values.get(number) if number in content.ids else None
