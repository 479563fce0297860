"""A fetched value as the text that DuckDB's own cast to VARCHAR gives.

Exact but for what fetching into Python has lost before: the months of an INTERVAL (30 days each), the nanoseconds
of TIMESTAMP_NS and TIME_NS, infinite dates, the member types of UNION and VARIANT.
"""

from __future__ import annotations

import datetime as dt
import decimal
import string
from typing import Any

import numpy as np
from duckdb.sqltypes import DuckDBPyType

_NESTED = frozenset({"list", "array", "struct", "tuple", "map", "union", "variant"})
_QUOTED = frozenset("\"'(),:=[\\]{}")
_PLAIN_BYTES = frozenset(map(ord, string.printable)) - frozenset(b"\\'\"\t\n\r\x0b\x0c")


def text(value: Any, type_: DuckDBPyType) -> str:
    """The text of a value of a DuckDB type; NULL for None."""
    if value is None:
        return "NULL"
    match type_.id:
        case "list" | "array":
            child = _children(type_)[0]
            return "[" + ", ".join(_inner(v, child) for v in value) + "]"
        case "struct" | "tuple":
            types = _children(type_)
            if isinstance(value, tuple):
                return "(" + ", ".join(map(_inner, value, types)) + ")"
            fields = zip(value.items(), types, strict=True)
            return "{" + ", ".join(f"'{_escaped(name)}': {_inner(v, child)}" for (name, v), child in fields) + "}"
        case "map":
            key_type, value_type = _children(type_)
            unhashable = key_type.id in _NESTED  # such a map is fetched as a list of keys and a list of values
            items = zip(value["key"], value["value"], strict=True) if unhashable else value.items()
            return "{" + ", ".join(f"{_inner(k, key_type)}={_inner(v, value_type)}" for k, v in items) + "}"
        case "float":
            return repr(float(str(np.float32(value))))
    return _scalar(value)


def _children(type_: DuckDBPyType) -> list[DuckDBPyType]:
    return [child for _, child in type_.children if isinstance(child, DuckDBPyType)]


def _inner(value: Any, type_: DuckDBPyType) -> str:
    """The text of a value inside a nested one, quoted where it could be misread."""
    written = text(value, type_)
    if value is None or type_.id in _NESTED or str(type_) == "JSON":
        return written
    plain = written and written.strip() == written and written.lower() != "null"
    return written if plain and _QUOTED.isdisjoint(written) else f"'{_escaped(written)}'"


def _escaped(written: str) -> str:
    return written.replace("\\", "\\\\").replace("'", "\\'")


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case decimal.Decimal():
            return format(value, "f")
        case dt.datetime():
            return f"{value:%Y-%m-%d}".rjust(10, "0") + " " + _time(value)
        case dt.time():
            return _time(value)
        case dt.timedelta():
            return _interval(value)
        case bytes():
            return "".join(chr(b) if b in _PLAIN_BYTES else f"\\x{b:02X}" for b in value)
    return str(value)


def _time(value: dt.datetime | dt.time) -> str:
    written = f"{value:%H:%M:%S}"
    if value.microsecond:
        written += f".{value.microsecond:06d}".rstrip("0")
    offset = value.utcoffset()
    if offset is None:
        return written
    seconds = int(offset.total_seconds())
    parts = [abs(seconds) // 3600, abs(seconds) // 60 % 60, abs(seconds) % 60]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return written + ("-" if seconds < 0 else "+") + ":".join(f"{part:02d}" for part in parts)


def _interval(value: dt.timedelta) -> str:
    days, rest = value.days, value - dt.timedelta(days=value.days)
    if days < 0 and rest:  # Python counts the time from the day before
        days, rest = days + 1, dt.timedelta(days=1) - rest
        sign = "-"
    else:
        sign = ""
    written = [f"{days} day{'s' if abs(days) != 1 else ''}"] if days else []
    if rest or not days:
        written.append(sign + _time((dt.datetime.min + rest).time()))
    return " ".join(written)
