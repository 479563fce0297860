"""How text must look to become a value of another type without losing a part of it.

DuckDB reads '2020-01-01 12:00+02' as a TIMESTAMP and drops the zone, takes a text without a zone as
TIMESTAMPTZ in whatever zone the session has, and cuts digits off. These forms leave no such room.
"""

from __future__ import annotations

from space_sql.format.types import (
    BIT,
    DATE,
    INTERVAL,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    UUID,
    Scalar,
)

_DAY = r"[0-9]+[-/][0-9]{1,2}[-/][0-9]{1,2}( ?[(]BC[)])?"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}"
_NO_CLOCK = r"([T ]0?0:00(:00([.]0*)?)?(Z|[+]00(:?00)?)?)?"
_UTC = r" ?(Z|UTC|[+-]00(:?00)?)?"
_OFFSET = r" ?(Z|UTC|[+-][0-9]{1,2}(:?[0-9]{2}){0,2})"
_NUMERIC_OFFSET = r"[+-][0-9]{1,2}(:[0-9]{2}){0,2}"
_ENDLESS = "-?infinity"


def _clock(digits: int) -> str:
    fraction = rf"[.][0-9]{{0,{digits}}}0*" if digits else "[.]0*"
    return rf"{_CLOCK}({fraction})?)?"


def _moment(digits: int, zone: str) -> str:
    return rf" *({_ENDLESS}|{_DAY}([T ]{_clock(digits)}{zone})?) *"


_FORMS: dict[Scalar, str] = {
    DATE: rf" *({_ENDLESS}|{_DAY}{_NO_CLOCK}) *",
    TIME: rf" *{_clock(6)} *",
    TIME_NS: rf" *{_clock(9)} *",
    TIMETZ: rf" *{_clock(6)}{_NUMERIC_OFFSET} *",
    TIMESTAMP_S: _moment(0, _UTC),
    TIMESTAMP_MS: _moment(3, _UTC),
    TIMESTAMP: _moment(6, _UTC),
    TIMESTAMP_NS: _moment(9, _UTC),
    TIMESTAMPTZ: rf" *({_ENDLESS}|{_DAY}[T ]{_clock(6)}{_OFFSET}) *",
    UUID: ".*",
    INTERVAL: "(?s).*",
    BIT: "[01]+",
}


def text_form(t: Scalar) -> str | None:
    """The regular expression that a text must match whole to become a value of this type.

    None where text becomes no value of it, and for an ENUM, whose values are the form.
    """
    return _FORMS.get(t)


def form_hint(t: Scalar) -> str:
    """What to add to an error about a text that has not the form."""
    if t == TIMESTAMPTZ:
        return ": it needs a time zone, as in 2020-01-31 12:00:00Z"
    if t == TIMETZ:
        return ": it needs an offset, as in 12:00:00+00"
    return ""
