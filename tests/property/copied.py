"""Sources and datasets for an INSERT: columns of every kind, and values that fit them or do not."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.property.values import POOLS

MORE: dict[str, tuple[str, ...]] = {
    **POOLS,
    "TINYINT": ("-128", "127", "0"),
    "UBIGINT": ("18446744073709551615", "0"),
    "UHUGEINT": ("340282366920938463463374607431768211455", "5"),
    "FLOAT": ("0.1", "'NaN'", "'-inf'", "-0.0"),
    "DECIMAL(38,10)": ("1234567890123456789012345678.0123456789", "-0.5"),
    "DECIMAL(18,3)": ("0.125", "-999999999999999.999"),
    "TIME": ("'00:00'", "'23:59:59.999999'"),
    "TIMESTAMP_S": ("'1969-12-31 23:59:59'", "'2024-02-29 12:00'"),
    "TIMESTAMP_MS": ("'1969-12-31 23:59:59.999'",),
    "TIMESTAMP_NS": ("'2024-02-29 12:00:00.123456789'", "'1970-01-01'"),
    "TIMESTAMP WITH TIME ZONE": ("'2024-02-29 12:00:00.5+05:45'", "'infinity'", "'0044-03-15 (BC)'"),
    "TIMESTAMP": (*POOLS["TIMESTAMP"], "'infinity'", "'-infinity'"),
    "TIME WITH TIME ZONE": ("'12:34:56.789+05:45'",),
    "INTERVAL": ("'1 month 2 days 03:04:05.000006'", "'-5 days'"),
    "BIT": ("'0101'", "'1'"),
    "JSON": ("'null'", "'{\"a\": [1, 2.50]}'", "'\"x\"'"),
    "ENUM('a', 'it''s', 'ü')": ("'a'", "'it''s'", "'ü'"),
    "VARCHAR": (*POOLS["VARCHAR"], "repeat('ü', 64)", "repeat('w', 129)", "repeat('long ', 3000)", "'a' || chr(0)"),
    "BLOB": (*POOLS["BLOB"], "repeat('b', 300)::BLOB"),
    "HUGEINT[]": ("[]", "[NULL, 170141183460469231731687303715884105727]"),
    "MAP(ENUM('k', 'l'), STRUCT(f FLOAT, t TIMESTAMP_S)[])": ("MAP {}", "MAP {'k': [{'f': 'NaN', 't': NULL}, NULL]}"),
    "STRUCT(j JSON, n INTEGER)": ("{'j': NULL, 'n': 1}", "{'j': '[1]', 'n': NULL}"),
    'STRUCT("a.b" DOUBLE, "Ü x" UUID)': ("{'a.b': 'NaN', 'Ü x': NULL}",),
    "INTEGER[2][]": ("[[1, 2], NULL]", "[]"),
}
"""SQL text of values by type."""

OTHER: dict[str, tuple[str, ...]] = {
    "INTEGER": ("BIGINT", "SMALLINT", "VARCHAR", "DOUBLE", '"NULL"'),
    "BIGINT": ("INTEGER", "UBIGINT", "HUGEINT", "DECIMAL(9,2)", "BOOLEAN"),
    "HUGEINT": ("BIGINT", "UBIGINT"),
    "DOUBLE": ("FLOAT", "INTEGER", "DECIMAL(9,2)", "BIGINT"),
    "FLOAT": ("DOUBLE",),
    "VARCHAR": ("INTEGER", "UUID", "JSON", "ENUM('a', 'it''s', 'ü')", '"NULL"'),
    "JSON": ("VARCHAR", "INTEGER", '"NULL"'),
    "TIMESTAMP WITH TIME ZONE": ("VARCHAR", "TIMESTAMP"),
    "TIMESTAMP": ("DATE", "VARCHAR", "TIMESTAMP_NS", "TIMESTAMP_S"),
    "DECIMAL(18,3)": ("DECIMAL(9,2)", "INTEGER", "DOUBLE"),
    "STRUCT(x DOUBLE, tags VARCHAR[])": ('"NULL"',),
    "VARCHAR[]": ("INTEGER[2]", '"NULL"'),
}
"""Types of a source's column for a dataset's column of another."""

NAMES = ("b", "B c", "filename", "file_row_number", "é", "x.y", "{source}", "it's", 'q"t', "select")


@dataclass(frozen=True)
class Inserted:
    """A dataset's columns, what a source gives for some of them, and the rows, as SQL."""

    columns: tuple[tuple[str, str], ...]
    query: str


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


@st.composite
def inserted(draw: st.DrawFn) -> Inserted:
    """A dataset with the key ``id``, and rows for it: mostly ones that fit."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique_by=str.casefold))
    columns = [(name, draw(st.sampled_from(sorted(MORE)))) for name in names]
    count = draw(st.sampled_from((0, 1, 2, 3, 5, 9)))
    fits = draw(st.integers(0, 3)) > 0
    items: list[tuple[str, list[str]]] = []
    keys = (
        draw(st.permutations(range(count)))
        if fits
        else draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    )
    key_type = "BIGINT" if fits else draw(st.sampled_from(("BIGINT", "INTEGER", "UBIGINT", "VARCHAR")))
    shown = [str(k) if fits or draw(st.integers(0, 9)) else "NULL" for k in keys]
    items.append(("id", [f"CAST({k} AS {key_type})" for k in shown]))
    for name, type_ in columns:
        if not draw(st.integers(0, 4)):
            continue  # the source lacks it
        given = type_
        if type_ in OTHER and not draw(st.integers(0, 3)):
            given = draw(st.sampled_from(OTHER[type_]))
        pool = st.sampled_from(("NULL", *MORE.get(given, ("NULL",))))
        spelled = draw(st.sampled_from((name, name.upper(), name.lower())))
        cast = "{}" if given == '"NULL"' else f"CAST({{}} AS {given})"
        items.append((spelled, [cast.format(draw(pool)) for _ in range(count)]))
    items = draw(st.permutations(items))
    if not fits and draw(st.booleans()):
        items.append(("unknown", ["1"] * count))
    heads = ", ".join(quoted(name) for name, _ in items)
    if not count:
        nothing = ", ".join("NULL::BIGINT" if name == "id" else "NULL" for name, _ in items)
        return Inserted(tuple(columns), f"SELECT * FROM (SELECT {nothing} WHERE false) AS t({heads})")
    rows = [f"SELECT {', '.join(values[i] for _, values in items)}" for i in range(count)]
    return Inserted(tuple(columns), f"SELECT * FROM ({' UNION ALL '.join(rows)}) AS t({heads})")
