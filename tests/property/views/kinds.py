"""Kinds of columns, and random values of them: NULLs, duplicates, and what is awkward of each type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

EXACT, STEADY, FUZZY = "exact", "steady", "fuzzy"
"""How a floating-point column may be used: sums of it are exact; the values are, sums not; not even the values."""


@dataclass(frozen=True)
class Column:
    """A column of a relation: its name, its kind, and for floats how far the values can be trusted."""

    name: str
    kind: str
    trust: str = EXACT

    @property
    def sql(self) -> str:
        """The quoted name."""
        return quoted(self.name)

    def named(self, name: str) -> Column:
        """The same column under another name."""
        return replace(self, name=name)


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


TYPES = {
    "int": ("BIGINT", "INTEGER", "SMALLINT"),
    "float": ("DOUBLE",),
    "text": ("VARCHAR",),
    "decimal": ("DECIMAL(9,2)",),
    "time": ("TIMESTAMP",),
    "date": ("DATE",),
    "bool": ("BOOLEAN",),
    "ints": ("INTEGER[]",),
    "texts": ("VARCHAR[]",),
    "struct": ("STRUCT(a INTEGER, b VARCHAR)",),
}
SCALARS = ("int", "float", "text", "decimal", "time", "date", "bool")
ORDERED = ("int", "float", "text", "decimal", "time", "date")
NUMBERS = ("int", "float", "decimal")
NESTED = ("ints", "texts", "struct")

_VALUES = {
    "int": ("0", "1", "1", "2", "2", "3", "-1", "7"),
    "float": ("0.0", "'-0.0'", "0.5", "0.5", "1.25", "-2.0", "3.0", "'nan'", "'inf'", "'-inf'"),
    "text": ("''", "'a'", "'a'", "'b'", "'B'", "'a b'", "'ä'", "'it''s'"),
    "decimal": ("0", "0.10", "0.10", "1.25", "-3.50", "99.99"),
    "time": (
        "TIMESTAMP '2026-01-01'",
        "TIMESTAMP '2026-01-01 12:30:00.000001'",
        "TIMESTAMP '2026-02-28 23:59:59'",
        "TIMESTAMP '1969-12-31 23:00:00'",
    ),
    "date": ("DATE '2026-01-01'", "DATE '2026-01-31'", "DATE '2024-02-29'"),
    "bool": ("true", "false"),
    "ints": ("[]", "[1]", "[1, 2]", "[2, NULL, 2]", "[3, 1]"),
    "texts": ("[]", "['a']", "['a', 'b', 'a']", "[NULL]", "['']"),
    "struct": ("{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': 'x'}", "{'a': 2, 'b': NULL}"),
}


def value(random: Random, kind: str, nulls: float = 0.15) -> str:
    """A random value of a kind as SQL text, of its first type."""
    if random.random() < nulls:
        return f"NULL::{TYPES[kind][0]}"
    return f"{random.choice(_VALUES[kind])}::{TYPES[kind][0]}"
