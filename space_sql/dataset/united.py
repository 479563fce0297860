"""The schema of a merge: columns of both sides, paired by identity, with the changes of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from space_sql.dataset.evolve import merge
from space_sql.dataset.plan import check_exact, emptiness
from space_sql.errors import ConflictError, InvalidInputError
from space_sql.format.schema import Column, Schema, has_struct
from space_sql.format.state import State
from space_sql.format.types import Array, List, Map, Scalar, Struct, Type, enum

Side = Literal["ours", "theirs"]


@dataclass(frozen=True)
class Slot:
    """A column of the merge, and what it is in each common ancestor and on each side (None: it is not there).

    ``dropped`` names the side that dropped it, while the other still has it: it is then not part of
    the merged schema, but edits of it are looked for.
    """

    name: str
    column: Column
    bases: tuple[Column | None, ...]
    ours: Column | None
    theirs: Column | None
    dropped: Side | None = None


@dataclass(frozen=True)
class Clash:
    """What the sides did to a column as a whole that does not go together; names are those of the column."""

    kind: str
    column_name: str
    base: str | None
    ours: str | None
    theirs: str | None


@dataclass(frozen=True)
class United:
    """The merged schema; ``keys`` and ``cells`` are its slots and those that one side dropped."""

    schema: Schema
    keys: tuple[Slot, ...]
    cells: tuple[Slot, ...]
    clashes: tuple[Clash, ...]

    @property
    def kept(self) -> tuple[Slot, ...]:
        """The cells that are part of the merged schema."""
        return tuple(s for s in self.cells if s.dropped is None)

    @property
    def dropped(self) -> tuple[Slot, ...]:
        """The cells that are not."""
        return tuple(s for s in self.cells if s.dropped is not None)


@dataclass(frozen=True)
class Sides:
    """What is merged: the common ancestors, the target and the branch, with the names of the latter two.

    ``never`` tells of a side and a column id whether that side's own history never had the column.
    """

    bases: tuple[State, ...]
    ours: State
    theirs: State
    target: str
    branch: str
    never: Callable[[Side, int], bool]


def united(sides: Sides, winner: Side | None, keep: frozenset[int] = frozenset()) -> United:
    """Unite two schemas.

    A column that one side added is taken, one that one side dropped is dropped (unless its id is in
    ``keep``), names and types follow the side that changed them. ``winner`` decides about clashes.

    Raises:
        ConflictError: types that have no common one, or two columns of one name.
    """
    ours, theirs = sides.ours.schema, sides.theirs.schema
    if ours.primary_keys != theirs.primary_keys:
        raise ConflictError(f"{sides.branch} and {sides.target} have different primary keys and cannot be merged")
    identity_of = _identities(sides)
    mine, yours = ({identity_of(c.id): c for c in schema.columns} for schema in (ours, theirs))
    before = [{identity_of(c.id): c for c in b.schema.columns} for b in sides.bases]
    slots: list[Slot] = []
    clashes: list[Clash] = []
    for identity in dict.fromkeys((*mine, *yours)):
        first, second = mine.get(identity), yours.get(identity)
        bases = tuple(b.get(identity) for b in before)
        name = f"_space_c{len(slots)}"
        if first is not None and second is not None:
            column, clash = _both(sides, bases, first, second, winner)
            slots.append(Slot(name, column, bases, first, second))
            clashes += [clash] if clash else []
        elif first is not None:
            gone = any(bases) and first.id not in keep
            slots.append(Slot(name, first, bases, first, None, "theirs" if gone else None))
        elif second is not None:
            slots.append(Slot(name, second, bases, None, second, "ours" if any(bases) else None))
            _check_new(sides, slots[-1])
    clashes += [_half_dropped(s) for s in slots if s.dropped and not all(s.bases)]
    schema = _schema(sides, slots)
    keys = tuple(next(s for s in slots if s.column.id == i) for i in schema.primary_keys)
    return United(schema, keys, tuple(s for s in slots if s not in keys), tuple(clashes))


def _identities(sides: Sides) -> Callable[[int], int]:
    """What pairs the columns of both sides and the ancestors: their ids, where some mean the same column.

    A column that both sides added under one name is one from then on, though each side keeps its own id.
    So where an ancestor has a column that a side's own history never had, an earlier merge made it one with
    that side's column of the name.
    """
    same: dict[int, int] = {}

    def identity_of(column_id: int) -> int:
        while column_id in same:
            column_id = same[column_id]
        return column_id

    def unite(first: int, second: int) -> None:
        low, high = sorted((identity_of(first), identity_of(second)))
        if low != high:
            same[high] = low

    ours, theirs = sides.ours.schema, sides.theirs.schema
    for base in sides.bases:
        for column in base.schema.columns:
            for side, schema in (("ours", ours), ("theirs", theirs)):
                own = schema.by_name.get(column.name.casefold())
                if own is None or column.id in schema.by_id or own.id in base.schema.by_id:
                    continue
                if sides.never(side, column.id):  # type: ignore[arg-type]
                    unite(own.id, column.id)
    old = {identity_of(i) for b in sides.bases for i in b.schema.by_id}
    mine, yours = ({identity_of(i) for i in schema.by_id} for schema in (ours, theirs))
    for column in theirs.columns:
        other = ours.by_name.get(column.name.casefold())
        if other is None or identity_of(column.id) in old | mine or identity_of(other.id) in old | yours:
            continue
        unite(other.id, column.id)
    return identity_of


def _check_new(sides: Sides, slot: Slot) -> None:
    """ConflictError when the target's files still hold values of a column that came back on the branch."""
    if slot.dropped is None and any(slot.column.id in f.columns for f in sides.ours.files.values()):
        name = slot.column.name
        raise ConflictError(
            f'column "{name}" was dropped before {sides.branch} and {sides.target} parted, and came back with a '
            f"restore; drop it on {sides.branch}, and add it anew"
        )


def _half_dropped(slot: Slot) -> Clash:
    name = slot.column.name
    shown = (name if slot.ours else None, name if slot.theirs else None)
    return Clash(f"dropped_by_{slot.dropped}", name, name, *shown)


_Value = TypeVar("_Value")


def _either(bases: Sequence[_Value], ours: _Value, theirs: _Value) -> _Value | None:
    """The value of the side that changed it; None when both did."""
    if ours == theirs or (bases and all(b == theirs for b in bases)):
        return ours
    return theirs if bases and all(b == ours for b in bases) else None


def _both(
    sides: Sides, bases: Sequence[Column | None], mine: Column, yours: Column, winner: Side | None
) -> tuple[Column, Clash | None]:
    """A column that both sides have, under the target's id; and the clash when both renamed it."""
    before = [b for b in bases if b is not None]
    name, clash = _either([b.name for b in before], mine.name, yours.name), None
    if name is None and mine.name.casefold() == yours.name.casefold():
        name = mine.name
    if name is None:
        name = yours.name if winner == "theirs" else mine.name
        base = before[0].name if before else None
        clash = Clash("renamed", name, base, mine.name, yours.name)
    type_ = _type(sides, [b.type for b in before], mine, yours)
    earlier = dict.fromkeys((*mine.earlier, *yours.earlier))
    earlier.update(dict.fromkeys(t for t in (mine.type, yours.type) if t != type_ and has_struct(t)))
    declared = mine.declared or yours.declared
    kept = tuple(t for t in earlier if t != type_)
    return replace(mine, name=name, type=type_, declared=declared, earlier=kept), clash


def _type(sides: Sides, before: Sequence[Type], mine: Column, yours: Column) -> Type:
    """The type that holds the values of both sides; ConflictError when there is none."""
    if mine.type == yours.type:
        return mine.type
    wanted = _either(before, mine.type, yours.type)
    try:
        if wanted is None or not _reached(sides, mine, yours, wanted):
            is_empty = emptiness(sides.ours, mine)
            wanted = merge(mine.name, mine.type, yours.type, evolve=True, is_empty=is_empty).type
        if _reached(sides, mine, yours, wanted):
            return wanted
    except InvalidInputError:
        pass
    raise ConflictError(
        f'column "{mine.name}" is {mine.type} on {sides.target} and {yours.type} on {sides.branch}, and no type is '
        "known to hold the values of both; make the types equal on one of them, then merge"
    )


def _reached(sides: Sides, mine: Column, yours: Column, wanted: Type) -> bool:
    """Whether what both sides have stored can be read as a type."""
    for state, column in ((sides.ours, mine), (sides.theirs, yours)):
        try:
            widened = merge(column.name, column.type, wanted, evolve=True, is_empty=emptiness(state, column))
            check_exact(state, column, widened.checks)
        except InvalidInputError:
            return False
        if _shape(widened.type) != _shape(wanted):
            return False
    return True


def _shape(type_: Type) -> Type:
    """A type whose fields and enum values are in an order of no meaning."""
    match type_:
        case Scalar():
            return enum(tuple(sorted(type_.values))) if type_.values else type_
        case Struct():
            return Struct(tuple(sorted(((n.casefold(), _shape(t)) for n, t in type_.fields), key=lambda f: f[0])))
        case List():
            return List(_shape(type_.element))
        case Array():
            return Array(_shape(type_.element), type_.size)
        case Map():
            return Map(_shape(type_.key), _shape(type_.value))
        case _:
            return type_


def _schema(sides: Sides, slots: Sequence[Slot]) -> Schema:
    """The merged schema; ConflictError when two of its columns have one name."""
    columns = tuple(s.column for s in slots if s.dropped is None)
    seen: set[str] = set()
    for column in columns:
        if column.name.casefold() in seen:
            raise ConflictError(
                f'after the merge two columns would be named "{column.name}"; '
                f"rename one of them on {sides.branch} or {sides.target}, then merge"
            )
        seen.add(column.name.casefold())
    return replace(sides.ours.schema, columns=columns)
