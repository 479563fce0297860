"""Which numeric type holds the values of two, so that a column can widen without loss."""

from __future__ import annotations

from space_sql.format.types import (
    BIGINT,
    BIGNUM,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    SMALLINT,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    Scalar,
    Type,
    decimal,
)

_SIGNED: dict[Type, int] = {TINYINT: 7, SMALLINT: 15, INTEGER: 31, BIGINT: 63, HUGEINT: 127}
_UNSIGNED: dict[Type, int] = {UTINYINT: 8, USMALLINT: 16, UINTEGER: 32, UBIGINT: 64, UHUGEINT: 128}
_BITS: dict[Type, int] = {**_SIGNED, **_UNSIGNED}
_WIDER = (TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT)
_EXACT_BITS: dict[Type, int] = {FLOAT: 24, DOUBLE: 53}


def is_integer(t: Type) -> bool:
    """Whether a type holds whole numbers only."""
    return t in _BITS or t == BIGNUM


def is_number(t: Type) -> bool:
    """Whether a type holds numbers."""
    return is_integer(t) or t in _EXACT_BITS or (isinstance(t, Scalar) and t.decimal is not None)


def holds(target: Type, source: Type) -> bool:
    """Whether every value of a numeric type is exactly one of another."""
    if target == source:
        return True
    if target == BIGNUM:
        return source in _BITS
    if target in _EXACT_BITS:
        return _BITS.get(source, 128) <= _EXACT_BITS[target] or (target, source) == (DOUBLE, FLOAT)
    if source in _BITS and target in _BITS:
        return _BITS[source] <= _BITS[target] and (target in _SIGNED or source in _UNSIGNED)
    digits, scale = _digits(source)
    room, places = _digits(target)
    if target in _BITS:
        room -= 1
    return digits <= room and scale <= places


def wider(target: Scalar, source: Scalar) -> tuple[Scalar, bool]:
    """A numeric column's type after meeting another, and whether its stored values stay exact.

    The second is false where the type is right only if no stored integer is beyond 2^53. Where no
    type holds both, the column keeps its own.
    """
    if holds(target, source):
        return target, True
    if holds(source, target):
        return source, True
    if is_integer(target) and is_integer(source):
        wide = next((t for t in _WIDER if holds(t, target) and holds(t, source)), BIGNUM)
        return wide, True
    if target in _EXACT_BITS or source in _EXACT_BITS:
        return _wider_float(target, source)
    return _wider_decimal(target, source), True


def _wider_float(target: Scalar, source: Scalar) -> tuple[Scalar, bool]:
    if target in _EXACT_BITS:
        return (DOUBLE if is_integer(source) else target), True
    if target in _BITS:
        return DOUBLE, holds(DOUBLE, target)
    return target, True


def _wider_decimal(target: Scalar, source: Scalar) -> Scalar:
    digits, places = map(max, zip(_digits(target), _digits(source), strict=True))
    return decimal(digits + places, places) if digits + places <= 38 else target


def _digits(t: Type) -> tuple[int, int]:
    """How many digits the values of a type can have before and after the point."""
    if t in _BITS:
        return len(str(2 ** _BITS[t])), 0
    if isinstance(t, Scalar) and t.decimal:
        width, scale = t.decimal
        return width - scale, scale
    return 1 << 20, 0
