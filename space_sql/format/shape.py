"""What a member read from JSON must be: anything else is a ValueError, which its reader makes a FormatError."""

from __future__ import annotations

from typing import Any

MOST = 1 << 63
"""Counts and ids are below this."""


def count(value: Any) -> int:
    """A whole number from 0."""
    if type(value) is int and 0 <= value < MOST:
        return value
    raise ValueError(f"{value!r:.60} is not a count")


def optional_count(value: Any) -> int | None:
    """A whole number from 0, or none."""
    return None if value is None else count(value)


def text(value: Any) -> str:
    """Text."""
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r:.60} is not text")


def optional_text(value: Any) -> str | None:
    """Text, or none."""
    return None if value is None else text(value)


def items(value: Any) -> list[Any]:
    """An array."""
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError(f"{value!r:.60} is not an array")


def one_of(value: Any, *allowed: str) -> str:
    """One of some words."""
    if value in allowed:
        return text(value)
    raise ValueError(f"{value!r:.60} is none of {', '.join(allowed)}")


def bounds(value: Any) -> list[Any]:
    """``[min, max, nulls]`` of a column: scalars."""
    low, high, nulls = items(value)
    if any(isinstance(bound, list | dict) for bound in (low, high)):
        raise ValueError(f"{value!r:.60} are no bounds")
    return [low, high, count(nulls)]
