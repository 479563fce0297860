"""Random aggregates and window functions whose results do not depend on the order of rows."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.property.views.expressions import Named, expression, of_kind, predicate
from tests.property.views.kinds import EXACT, FUZZY, NESTED, ORDERED, SCALARS, STEADY

Made = tuple[str, str, str]
"""Text, kind and trust."""


def aggregate(random: Random, columns: Named) -> Made:
    """An aggregate over some expression or column."""
    fuzzy = [(text, c) for text, c in columns if c.trust == FUZZY]
    if fuzzy and random.random() < 0.5:
        text, _ = random.choice(fuzzy)
        return (f"{random.choice(('sum', 'min', 'max'))}({text})", "float", FUZZY)
    text, kind, trust = _plain(random, columns)
    if random.random() < 0.12 and text.endswith(")") and not text.startswith("len("):
        condition = predicate(random, columns, 1)
        if " FILTER (WHERE " in text:
            text = f"{text[:-1]} AND {condition})"
        else:
            text += f" FILTER (WHERE {condition})"
    return text, kind, trust


def _plain(random: Random, columns: Named) -> Made:
    kinds = [c.kind for _, c in columns if c.trust != FUZZY] or ["int"]
    kind = random.choice(kinds)
    found = of_kind(columns, kind)
    text, column = random.choice(found) if found else ("1", None)
    if random.random() < 0.25:
        text, column = expression(random, columns, kind), None
    trust = column.trust if column else STEADY if kind == "float" else EXACT
    forms: list[Callable[[], Made]] = [
        lambda: ("count(*)", "int", EXACT),
        lambda: (f"count({text})", "int", EXACT),
    ]
    if kind in SCALARS:
        forms += [
            lambda: (f"count(DISTINCT {text})", "int", EXACT),
            lambda: (f"min({text})", kind, trust),
            lambda: (f"max({text})", kind, trust),
            lambda: (f"len(list({text} ORDER BY {text}))", "int", EXACT),
            lambda: (f"arg_max({text}, row({text}, 1))", kind, trust),
        ]
    if kind == "int":
        forms += [
            lambda: (f"sum({text})::BIGINT", "int", EXACT),
            lambda: (f"sum({text})", "huge", EXACT),
            lambda: (f"avg({text})", "float", STEADY),
            lambda: (f"{random.choice(('var_samp', 'var_pop', 'stddev', 'stddev_pop'))}({text})", "float", FUZZY),
            lambda: (f"median({text})", "float", STEADY),
            lambda: (f"list({text} ORDER BY {text})::INTEGER[]", "ints", EXACT),
            lambda: (f"sum(DISTINCT {text})::BIGINT", "int", EXACT),
            lambda: (f"bit_xor(({text})::BIGINT)", "int", EXACT),
            lambda: (f"quantile_disc({text}, 0.25)", "int", EXACT),
            lambda: (f"quantile_cont({text}, 0.3)", "float", FUZZY),
            lambda: (f"entropy({text})", "float", FUZZY),
            lambda: (f"count_if(({text}) > 1)::BIGINT", "int", EXACT),
        ]
    if kind == "float":
        finite = f"FILTER (WHERE isfinite({text}))"
        total = EXACT if trust == EXACT else FUZZY
        forms += [
            lambda: (f"sum({text})", "float", total),
            lambda: (f"avg({text})", "float", STEADY if trust == EXACT else FUZZY),
            lambda: (f"median({text})", "float", STEADY),
            lambda: (f"var_samp({text}) {finite}", "float", FUZZY),
            lambda: (f"sum({text} * 0.1)", "float", FUZZY),
        ]
    if kind == "decimal":
        forms += [
            lambda: (f"sum({text})", "decimals", EXACT),
            lambda: (f"avg({text})", "float", STEADY),
            lambda: (f"var_pop({text})", "float", FUZZY),
        ]
    if kind == "text":
        forms += [
            lambda: (f"string_agg({text}, ',' ORDER BY {text})", "text", EXACT),
            lambda: (f"string_agg(DISTINCT {text}, ',' ORDER BY {text})", "text", EXACT),
            lambda: (f"list({text} ORDER BY {text} DESC NULLS LAST)", "texts", EXACT),
        ]
    if kind == "bool":
        forms += [lambda: (f"bool_and({text})", "bool", EXACT), lambda: (f"bool_or({text})", "bool", EXACT)]
    if kind in NESTED:
        forms += [lambda: (f"max({text})", kind, EXACT)]
    found_form = random.choice(forms)()
    return _passable(found_form)


def _passable(made: Made) -> Made:
    """Kinds that only totals have become ones that further expressions know."""
    text, kind, trust = made
    if kind == "huge":
        return f"{text}", "int", trust
    if kind == "decimals":
        return f"{text}", "decimal", trust
    return text, kind, trust


def window(random: Random, columns: Named, partition: str) -> Made:
    """A window function; ties in its order are between equal rows only, or do not matter."""
    everything = ", ".join(text for text, c in columns if c.trust != FUZZY)
    whole = f"{partition} ORDER BY {everything}" if everything else partition
    if any(c.trust == FUZZY for _, c in columns) or not everything:
        return f"count(*) OVER ({partition})", "int", EXACT
    ordered = of_kind(columns, *ORDERED)
    by, of_by = random.choice(ordered) if ordered else (everything, None)
    numbers = of_kind(columns, "int")
    way = random.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
    forms: list[Callable[[], Made]] = [
        lambda: (f"row_number() OVER ({whole})", "int", EXACT),
        lambda: (f"rank() OVER ({partition} ORDER BY {by}{way})", "int", EXACT),
        lambda: (f"dense_rank() OVER ({partition} ORDER BY {by}{way})", "int", EXACT),
        lambda: (f"count(*) OVER ({partition})", "int", EXACT),
    ]
    if ordered and of_by is not None:
        forms += [
            lambda: (f"lag({by}) OVER ({whole})", of_by.kind, of_by.trust),
            lambda: (f"first_value({by}) OVER ({whole})", of_by.kind, of_by.trust),
            lambda: (f"max({by}) OVER ({partition})", of_by.kind, of_by.trust),
        ]
    if numbers:
        number, _ = random.choice(numbers)
        forms += [
            lambda: (f"sum({number}) OVER ({partition})", "int", EXACT),
            lambda: (f"sum({number}) OVER ({partition} ORDER BY {by}{way})", "int", EXACT),
            lambda: (
                f"sum({number}) OVER ({whole} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
                "int",
                EXACT,
            ),
        ]
    return random.choice(forms)()
