"""Every type comes back from a data file as it was, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from space_sql.format.carriers import is_opaque, logical_projection, physical, refusal
from space_sql.format.types import parse_type
from tests.unit.duck import SETTINGS, arriving, connect, converted, scan, values_query, written

VALUES = {
    "BOOLEAN": ["true", "false"],
    "TINYINT": ["-128", "127"],
    "SMALLINT": ["-32768", "32767"],
    "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "UTINYINT": ["0", "255"],
    "USMALLINT": ["0", "65535"],
    "UINTEGER": ["0", "4294967295"],
    "UBIGINT": ["0", "18446744073709551615"],
    "HUGEINT": [
        "0",
        "-1",
        "-170141183460469231731687303715884105728",
        "170141183460469231731687303715884105727",
        "99999999999999999999999999999999999999",
    ],
    "UHUGEINT": [
        "0",
        "170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
    ],
    "BIGNUM": ["'0'", "'-1'", "'-123456789012345678901234567890123456789012345678'", "'9' || repeat('0', 300)"],
    "FLOAT": ["'nan'", "'inf'", "'-inf'", "'-0.0'", "1.4e-45", "3.4028235e38", "0.1"],
    "DOUBLE": ["'nan'", "'inf'", "'-inf'", "'-0.0'", "5e-324", "1.7976931348623157e308", "0.1"],
    "DECIMAL(4,2)": ["-99.99", "99.99"],
    "DECIMAL(18,3)": ["-999999999999999.999", "999999999999999.999"],
    "DECIMAL(38,38)": ["'0.99999999999999999999999999999999999999'", "0"],
    "DECIMAL(38,0)": ["'-99999999999999999999999999999999999999'", "1"],
    "VARCHAR": ["''", "'a'", "'é😀'", "'a' || chr(0) || 'b'", "repeat('x', 100000)", "'\"'", "E'\\n'"],
    "BLOB": ["''", r"'\x00\xFF'", "repeat('x', 100000)"],
    "BIT": ["'0'", "'1'", "'10101010101'", "'0000000000'", "'11111111'", "repeat('10', 1000)"],
    "UUID": [
        "'00000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        "'80000000-0000-0000-0000-000000000001'",
    ],
    "JSON": ["'null'", "'{}'", """'{"a":  [1, null, "x"]}'""", "'123456789012345678901234567890.10'", """'""'"""],
    "DATE": ["'infinity'", "'-infinity'", "'5877642-06-25 (BC)'", "'5881580-07-10'", "'1970-01-01'"],
    "TIME": ["'00:00:00'", "'24:00:00'", "'23:59:59.999999'"],
    "TIME_NS": ["'00:00:00'", "'24:00:00'", "'23:59:59.999999999'", "'12:34:56.123456789'"],
    "TIME WITH TIME ZONE": [
        "'00:00:00+00'",
        "'24:00:00+15:59:59'",
        "'12:34:56.123456-15:59:59'",
        "'12:00:00+05:30'",
    ],
    "TIMESTAMP": [
        "'infinity'",
        "'-infinity'",
        "'290309-12-22 (BC) 00:00:00'",
        "'294247-01-10 04:00:54.775806'",
    ],
    "TIMESTAMP_S": ["'infinity'", "'-infinity'", "'290308-12-22 (BC) 00:00:00'", "'294247-01-10 04:00:54'"],
    "TIMESTAMP_MS": ["'infinity'", "'-infinity'", "'1969-12-31 23:59:59.999'", "'294247-01-10 04:00:54.775'"],
    "TIMESTAMP_NS": [
        "'infinity'",
        "'-infinity'",
        "'1677-09-22 00:00:00.123456789'",
        "'1969-12-31 23:59:59.999999999'",
        "'2262-04-11 23:47:16.854775806'",
    ],
    "TIMESTAMP WITH TIME ZONE": [
        "'infinity'",
        "'-infinity'",
        "'290309-12-22 (BC) 00:00:00+00'",
        "'294247-01-10 04:00:54.775806+00'",
        "'2020-06-01 12:00:00+02'",
    ],
    "INTERVAL": [
        "'0 days'",
        "INTERVAL '1 year 2 months 3 days 04:05:06.789012'",
        "to_months(-2147483648)",
        "to_months(2147483647)",
        "to_days(-2147483648)",
        "to_days(2147483647)",
        "to_microseconds(3599999999999999999)",
        "to_microseconds(-3599999999999999999)",
        "to_months(-1) + to_days(1) + to_microseconds(-1)",
        "to_months(12)",
        "to_days(30)",
        "to_hours(24)",
    ],
    "ENUM('a', 'b''c', '', 'x\ny', 'a, b')": ["'a'", "'b''c'", "''", "'x\ny'", "'a, b'"],
    "GEOMETRY": [
        "'POINT(1 2)'",
        "'POINT EMPTY'",
        "'LINESTRING(0 0, 1e300 0.1)'",
        "'GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))'",
        "'POINT ZM (1 2 3 4)'",
        "'POINT(0.1 0.30000000000000004)'",
        "'MULTIPOINT(EMPTY, 1 2)'",
        "'POINT(-0.0 0)'",
        "'POINT(inf nan)'",
    ],
    '"NULL"': ["NULL"],
}


def _nested(t: str) -> Iterator[tuple[str, list[str]]]:
    """The type alone and inside of others, each with values that hold NULL and nothing."""
    values = [*(f"CAST({value} AS {t})" for value in VALUES[t]), "NULL"]
    all_of_them = f"CAST([{', '.join(values)}] AS {t}[])"
    first, last = values[0], values[-2]
    yield t, values
    yield f"{t}[]", [all_of_them, "[]", "NULL", "[NULL]"]
    yield f"{t}[2]", [f"[{first}, {last}]", "NULL", f"[NULL, {first}]", "[NULL, NULL]"]
    yield f"{t}[2][]", [f"[CAST([{first}, {last}] AS {t}[2]), NULL]", "NULL", "[]"]
    yield (
        f'STRUCT("a b" {t}, "x""y" {t}[])',
        [*(f"{{'a b': {v}, 'x\"y': {all_of_them}}}" for v in values), "NULL"],
    )
    yield (
        f"STRUCT(k {t}[2], s STRUCT(z {t}))[]",
        [f"[{{'k': [{first}, NULL], 's': NULL}}, NULL, {{'k': NULL, 's': {{'z': {first}}}}}]", "[]", "NULL"],
    )
    yield f"MAP(VARCHAR, {t})", [*(f"MAP {{'k': {v}, '': {first}}}" for v in values), "MAP {}", "NULL"]
    if t == '"NULL"':
        yield 'MAP("NULL", "NULL")', ["MAP {}", "NULL"]
    else:
        yield f"MAP({t}, {t}[])", [*(f"MAP {{{v}: {all_of_them}}}" for v in values[:-1]), "MAP {}", "NULL"]


def _check(tmp_path: Path, setting: str, cases: list[tuple[str, list[str]]]) -> None:
    con = connect(*SETTINGS[setting])
    for number, (outer, values) in enumerate(cases):
        path = written(tmp_path / f"{number}.parquet", converted(con, values, outer, outer))
        before, after = values_query(values, outer), scan(path, outer)
        texts = "SELECT n, v::VARCHAR, typeof(v), hash(v) FROM ({}) ORDER BY n"
        assert con.execute(texts.format(after)).fetchall() == con.execute(texts.format(before)).fetchall()
        compared = f"SELECT bool_and(a.v IS NOT DISTINCT FROM b.v) FROM ({before}) a JOIN ({after}) b USING (n)"
        assert con.execute(compared).fetchall() == [(True,)], outer


@pytest.mark.parametrize("t", VALUES)
def test_a_type_comes_back_exactly_alone_and_nested(tmp_path: Path, t: str) -> None:
    _check(tmp_path, "default", list(_nested(t)))


@pytest.mark.parametrize("t", VALUES)
@pytest.mark.parametrize("setting", list(SETTINGS)[1:])
def test_a_session_setting_changes_nothing(tmp_path: Path, t: str, setting: str) -> None:
    alone, *_, deep, _, _ = _nested(t)
    _check(tmp_path, setting, [alone, deep])


@pytest.mark.parametrize("t", [t for t in VALUES if t != '"NULL"'])
def test_a_value_is_found_by_what_it_equals(tmp_path: Path, t: str) -> None:
    con = connect()
    values = VALUES[t]
    path = written(tmp_path / "data.parquet", converted(con, values, t, t))
    for number, value in enumerate(values):
        found = f"SELECT list(n) FROM ({scan(path, t)}) WHERE v = CAST({value} AS {t})"
        assert con.execute(found).fetchall() == [([number],)], value


@pytest.mark.parametrize(
    ("t", "reason"),
    [
        ("UNION(a INTEGER)", "a STRUCT with a field for each member"),
        ("VARIANT", "CAST it to JSON"),
        ("TIMESTAMPTZ_NS", "CAST it to TIMESTAMP WITH TIME ZONE"),
        ("GEOMETRY('OGC:CRS84')", "CAST it to GEOMETRY"),
        ("STRUCT", "without fields"),
        ("TUPLE(INTEGER, INTEGER)", "name them"),
        ('STRUCT(a INTEGER, "A" INTEGER)', '"A" is there twice'),
        ("POINT_2D", "CAST it to a built-in type"),
        ("TYPE", "CAST it to a built-in type"),
        ("DECIMAL", "CAST it to a built-in type"),
        ("STRUCT(a STRUCT(b VARIANT)[])", 'field "a": field "b": VARIANT'),
        ("MAP(VARCHAR, VARIANT)", "VARIANT"),
        ("MAP(VARIANT, VARCHAR)", "VARIANT"),
        ("VARIANT[3]", "VARIANT"),
    ],
)
def test_a_type_that_cannot_be_stored_is_refused_with_a_way_on(t: str, reason: str) -> None:
    assert reason in (refusal(parse_type(t)) or "")


def test_types_that_can_be_stored_are_not_refused() -> None:
    assert [t for t in VALUES for outer, _ in _nested(t) if refusal(parse_type(outer))] == []


@pytest.mark.parametrize(
    ("t", "carrier"),
    [
        ("BIGINT", "BIGINT"),
        ("DECIMAL(18,3)", "DECIMAL(18,3)"),
        ("HUGEINT[3]", "VARCHAR[]"),
        ("TIMESTAMP_S", "TIMESTAMP"),
        ("ENUM('a')", "VARCHAR"),
        ('STRUCT(a "NULL", b UUID)', "STRUCT(a VARCHAR, b UUID)"),
        ("MAP(INTERVAL, TIME_NS)", "MAP(VARCHAR, TIME_NS)"),
    ],
)
def test_types_are_carried_by_others(t: str, carrier: str) -> None:
    assert physical(parse_type(t)) == parse_type(carrier)


def test_a_native_column_is_read_as_it_is() -> None:
    assert logical_projection(parse_type("STRUCT(a INTEGER)[]"), "v") == "v"
    assert logical_projection(parse_type("HUGEINT"), "v") == "CAST(v AS HUGEINT)"


@pytest.mark.parametrize("value", ["'12:00:00+05'::TIMETZ", "to_microseconds(9223372036854775807)"])
def test_opaque_types_are_those_that_arrow_changes(value: str) -> None:
    con = connect()
    (t, text), *_ = con.execute(f"SELECT typeof({value}), ({value})::VARCHAR").fetchall()
    assert is_opaque(parse_type(t))
    rows = pa.Table.from_struct_array(arriving(con, f"SELECT {value} AS v")[0])
    con.register("arrived", rows)
    assert con.execute("SELECT v::VARCHAR FROM arrived").fetchall() != [(text,)]
