"""What becomes of a column's type when rows of another type arrive.

Without `evolve` a column keeps its type and the source must be acceptable for it; values are
checked when they are converted (`checked_cast`). With `evolve` a column may widen, never with loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from space_sql.dataset.leaves import ELEMENT, KEY, VALUE, LeafPath, path_text
from space_sql.dataset.numeric import is_number, wider
from space_sql.errors import InvalidInputError, near
from space_sql.format.carriers import refusal
from space_sql.format.types import (
    BIT,
    DATE,
    INTERVAL,
    JSON,
    NULL,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    VARCHAR,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Type,
    enum,
)

EXACT_DOUBLE = "exact-double"
TIMESTAMP_RANGE = "timestamp-range"

_TIMESTAMPS = (TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP, TIMESTAMP_NS)
_PARSED = frozenset({DATE, TIME, TIME_NS, TIMETZ, *_TIMESTAMPS, TIMESTAMPTZ, UUID, INTERVAL, BIT})


class Check(NamedTuple):
    """What must hold for the stored values of a column before it may take its new type.

    `exact-double`: no stored integer is beyond ±2^53. `timestamp-range`: no stored date is outside
    of what a TIMESTAMP can be (290309-12-22 BC to 294247-01-10).
    """

    path: LeafPath
    kind: str


@dataclass(frozen=True)
class Merged:
    """A column's type after accepting a source, and what that asks of the stored values."""

    type: Type
    checks: tuple[Check, ...] = ()


def merge(
    column: str,
    target: Type,
    source: Type,
    *,
    evolve: bool = False,
    is_empty: Callable[[LeafPath], bool] = lambda path: False,
) -> Merged:
    """The type of a column after it has accepted rows of a source's type.

    Args:
        column: the column's name, for paths and errors.
        target: the column's type; `source`: that of the arriving values.
        evolve: whether the column may widen.
        is_empty: whether the JSON leaf at a path (see `leaves`) has no stored value.

    Raises:
        InvalidInputError: the source is not acceptable; names the place, both types, and a way on.
    """
    merging = _Merging(evolve, is_empty)
    merged = merging.merge((column,), target, source)
    return Merged(merged, tuple(merging.checks))


@dataclass
class _Merging:
    evolve: bool
    is_empty: Callable[[LeafPath], bool]
    checks: list[Check] = field(default_factory=list)

    def merge(self, path: LeafPath, target: Type, source: Type) -> Type:
        if target == source or source == NULL:
            return target
        if target == NULL:
            return source
        if target == JSON:
            return self._into_json(path, source)
        if source == JSON:
            return target
        match target, source:
            case Struct(), Struct():
                return self._structs(path, target, source)
            case Struct(), Map():
                return self._struct_meets_map(path, target, source)
            case Map(), Struct():
                if target.key != VARCHAR:
                    raise self._refused(path, target, source, _cast_hint(target))
                value = target.value
                for _, type_ in source.fields:
                    value = self.merge((*path, VALUE), value, type_)
                return Map(VARCHAR, value)
            case Map(), Map():
                key = self.merge((*path, KEY), target.key, source.key)
                return Map(key, self.merge((*path, VALUE), target.value, source.value))
            case ((List() | Array()), (List() | Array())):
                return self._lists(path, target, source)
            case Scalar(), Scalar():
                return self._scalars(path, target, source)
            case _:
                raise self._refused(path, target, source, _cast_hint(target))

    def _into_json(self, path: LeafPath, source: Type) -> Type:
        if self.evolve and self.is_empty(path):
            return source
        reason = refusal(source)
        if reason:
            raise self._refused(path, JSON, source, "pass to_json(…) of it in the source")
        return JSON

    def _structs(self, path: LeafPath, target: Struct, source: Struct) -> Type:
        given = source.by_name
        fields: list[tuple[str, Type]] = []
        for name, type_ in target.fields:
            found = given.get(name.casefold())
            fields.append((name, self.merge((*path, name), type_, found[1]) if found else type_))
        for name, type_ in source.fields:
            if name.casefold() in target.by_name:
                continue
            if not self.evolve:
                names = [known for known, _ in target.fields]
                raise InvalidInputError(
                    f'the source has a field "{path_text((*path, name))}" that the column has not.'
                    f"{near(name, names)} Leave it out, or pass evolve => true to add it"
                )
            fields.append((name, type_))
        return Struct(tuple(fields))

    def _struct_meets_map(self, path: LeafPath, target: Struct, source: Map) -> Type:
        if source.key not in (VARCHAR, NULL):
            raise self._refused(path, target, source, _cast_hint(target))
        if not self.evolve:
            hint = "pass evolve => true to make the column a MAP"
            raise self._refused(path, target, source, hint)
        common: Type = NULL
        for name, type_ in target.fields:
            if type_ in (NULL, common) or (type_ == JSON and self.is_empty((*path, name))):
                continue
            if common == NULL:
                common = type_
            elif is_number(common) and is_number(type_):
                common = self.merge((*path, VALUE), common, type_)
            else:
                hint = f"its fields have no common type, as {_shown(common)} and {_shown(type_)}"
                raise self._refused(path, target, source, hint)
        return Map(VARCHAR, self.merge((*path, VALUE), common, source.value))

    def _lists(self, path: LeafPath, target: List | Array, source: List | Array) -> Type:
        element = self.merge((*path, ELEMENT), target.element, source.element)
        if isinstance(target, List):
            return List(element)
        if isinstance(source, Array) and source.size != target.size:
            if self.evolve:
                return List(element)
            hint = "pass evolve => true to make the column a list of any length"
            raise self._refused(path, target, source, hint)
        return Array(element, target.size)

    def _scalars(self, path: LeafPath, target: Scalar, source: Scalar) -> Type:
        if is_number(target) and is_number(source):
            return self._numbers(path, target, source)
        if target == DATE and source in _TIMESTAMPS and self.evolve:
            self.checks.append(Check(path, TIMESTAMP_RANGE))
            return TIMESTAMP
        if target in _TIMESTAMPS and source in _TIMESTAMPS:
            finer = self.evolve and TIMESTAMP_NS not in (target, source)
            return max(target, source, key=_TIMESTAMPS.index) if finer else target
        if target in _TIMESTAMPS and source == DATE:
            return target
        if {target, source} == {TIME, TIME_NS}:
            return TIME_NS if self.evolve else target
        if target.values and source.values:
            added = tuple(value for value in source.values if value not in target.values)
            return enum(target.values + added) if self.evolve and added else target
        if target == VARCHAR and (source.values or source == UUID):
            return target
        if source == VARCHAR and target.values:
            return VARCHAR if self.evolve else target
        if source == VARCHAR and target in _PARSED:
            return target
        raise self._refused(path, target, source, _hint(target, source))

    def _numbers(self, path: LeafPath, target: Scalar, source: Scalar) -> Scalar:
        if not self.evolve:
            return target
        widened, exact = wider(target, source)
        if not exact:
            self.checks.append(Check(path, EXACT_DOUBLE))
        return widened

    def _refused(self, path: LeafPath, target: Type, source: Type, hint: str) -> InvalidInputError:
        return InvalidInputError(
            f'column "{path_text(path)}" is {_shown(target)} and the source has {_shown(source)}: {hint}'
        )


def _hint(target: Scalar, source: Scalar) -> str:
    if target == TIMESTAMPTZ and source in (*_TIMESTAMPS, DATE):
        return "say in the source which zone it is in, as in ts AT TIME ZONE 'UTC'"
    if source == TIMESTAMPTZ and target in (*_TIMESTAMPS, DATE):
        return "say in the source in which zone to read it, as in ts AT TIME ZONE 'UTC'"
    return _cast_hint(target)


def _cast_hint(target: Type) -> str:
    return f"CAST it in the source, as in CAST(… AS {_shown(target)})"


def _shown(t: Type) -> str:
    text = str(t)
    return text if len(text) <= 120 else text[:119] + "…"
