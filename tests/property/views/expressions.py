"""Random expressions over columns; all are deterministic and none can fail."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.property.views.kinds import FUZZY, NUMBERS, ORDERED, SCALARS, Column, value

Named = Sequence[tuple[str, Column]]
"""Columns with the text that means each, like ``t1."a"``."""


def of_kind(columns: Named, *kinds: str) -> list[tuple[str, Column]]:
    """The columns of some kinds whose values can be compared."""
    return [(text, c) for text, c in columns if c.kind in kinds and c.trust != FUZZY]


def expression(random: Random, columns: Named, kind: str, depth: int = 2) -> str:
    """An expression of a kind."""
    found = of_kind(columns, kind)
    if depth <= 0 or random.random() < 0.35:
        return random.choice(found)[0] if found and random.random() < 0.85 else value(random, kind)

    def more(inner: str) -> str:
        return expression(random, columns, inner, depth - 1)

    if random.random() < 0.15:
        return f"CASE WHEN {predicate(random, columns, depth - 1)} THEN {more(kind)} ELSE {more(kind)} END"
    if random.random() < 0.15:
        return f"coalesce({more(kind)}, {more(kind)})"
    if kind in SCALARS and random.random() < 0.05:
        return f"nullif({more(kind)}, {more(kind)})"
    forms = {
        "int": (
            lambda: f"({more('int')} + {more('int')}) % 9",
            lambda: f"abs({more('int')} - {more('int')}) % 9",
            lambda: f"{more('int')} % 3",
            lambda: f"length({more('text')})",
            lambda: f"len({more('ints')})",
            lambda: f"year({more('time')}) % 10",
            lambda: f"({more('struct')}).a",
            lambda: f"list_sum({more('ints')})::BIGINT",
            lambda: f"CAST({more('bool')} AS INTEGER)",
        ),
        "float": (
            lambda: f"{more('float')} + 0.25::DOUBLE",
            lambda: f"{more('int')}::DOUBLE",
            lambda: f"greatest({more('float')}, {more('float')})",
            lambda: f"-({more('float')})",
        ),
        "text": (
            lambda: f"{more('text')} || {more('text')}",
            lambda: f"upper({more('text')})",
            lambda: f"left({more('text')}, 1)",
            lambda: f"({more('int')})::VARCHAR",
            lambda: f"({more('struct')}).b",
            lambda: f"({more('texts')})[1]",
            lambda: f"concat({more('text')}, '-', {more('int')})",
            lambda: f"strftime(to_timestamp(({more('int')})::BIGINT * 20000), '%d %H')",
        ),
        "decimal": (
            lambda: f"({more('decimal')} % 50 + 1)::DECIMAL(9,2)",
            lambda: f"({more('int')} % 100)::DECIMAL(9,2)",
        ),
        "time": (
            lambda: f"date_trunc('day', {more('time')})",
            lambda: f"{more('date')}::TIMESTAMP",
            lambda: f"time_bucket(INTERVAL 1 HOUR, {more('time')})",
        ),
        "date": (
            lambda: f"({more('time')})::DATE",
            lambda: f"({more('date')} + {random.randint(0, 3)})::DATE",
            lambda: f"({more('time')})::TIMESTAMPTZ::DATE",
        ),
        "bool": (lambda: predicate(random, columns, depth - 1),),
        "ints": (lambda: f"[{more('int')}, {more('int')}]::INTEGER[]", lambda: f"list_sort({more('ints')})"),
        "texts": (lambda: f"[{more('text')}]", lambda: f"list_distinct({more('texts')}).list_sort()"),
        "struct": (lambda: f"{{'a': ({more('int')} % 9)::INTEGER, 'b': {more('text')}}}",),
    }
    return f"({random.choice(forms[kind])()})"


def predicate(random: Random, columns: Named, depth: int = 2) -> str:
    """A condition."""

    def more(kind: str) -> str:
        return expression(random, columns, kind, depth - 1)

    if depth > 0 and random.random() < 0.3:
        first, second = predicate(random, columns, depth - 1), predicate(random, columns, depth - 1)
        return f"({first} {random.choice(('AND', 'OR', 'OR'))} {second})"
    if depth > 0 and random.random() < 0.1:
        return f"(NOT {predicate(random, columns, depth - 1)})"
    here = [c.kind for _, c in columns if c.trust != FUZZY]
    kind = random.choice(here) if here else "int"
    forms = [lambda: f"({more(kind)} IS {random.choice(('', 'NOT '))}NULL)"]
    if kind in ORDERED:
        sign = random.choice(
            ("<", "<=", ">", ">=", ">", "<=", "=", "<>", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
        )
        forms += [lambda: f"({more(kind)} {sign} {value(random, kind, 0.02)})"] * 3
        forms += [lambda: f"({more(kind)} {sign} {more(kind)})"]
        forms += [lambda: f"({more(kind)} BETWEEN {value(random, kind, 0)} AND {value(random, kind, 0)})"]
        forms += [lambda: f"({more(kind)} IN ({value(random, kind)}, {value(random, kind, 0)}))"]
    if kind in NUMBERS:
        forms += [lambda: f"({more(kind)} > 0)", lambda: f"({more(kind)} < 2)"]
    if kind == "text":
        forms += [lambda: f"({more('text')} LIKE '%a%')", lambda: f"({more('text')} > '')"]
    if kind == "bool":
        forms += [lambda: f"({more('bool')})"]
    return random.choice(forms)()
