"""What becomes of a column's type, and that what was stored before reads as the new type."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from space_sql.dataset.convert import Converter, TargetColumn
from space_sql.dataset.evolve import EXACT_DOUBLE, TIMESTAMP_RANGE, Check, merge
from space_sql.dataset.leaves import empty_leaves
from space_sql.errors import InvalidInputError
from space_sql.format.types import Struct, parse_type
from tests.unit.duck import arriving, connect, converted, scan, shown, values_query, written

EXPORTS = Path(__file__).parents[1] / "data" / "label_studio"

KEPT = [
    ("INTEGER", "INTEGER"),
    ("INTEGER", '"NULL"'),
    ("STRUCT(a INTEGER)[]", 'STRUCT(a "NULL")[]'),
    ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT(A INTEGER)"),
    ("MAP(VARCHAR, INTEGER)", 'MAP("NULL", "NULL")'),
    ("INTEGER", "DOUBLE"),
    ("TINYINT", "UHUGEINT"),
    ("FLOAT", "DECIMAL(18,3)"),
    ("TIMESTAMP", "DATE"),
    ("TIMESTAMP_S", "TIMESTAMP_NS"),
    ("TIME", "TIME_NS"),
    ("DATE", "VARCHAR"),
    ("TIME WITH TIME ZONE", "VARCHAR"),
    ("TIMESTAMP WITH TIME ZONE", "VARCHAR"),
    ("UUID", "VARCHAR"),
    ("INTERVAL", "VARCHAR"),
    ("BIT", "VARCHAR"),
    ("ENUM('a')", "VARCHAR"),
    ("ENUM('a')", "ENUM('b')"),
    ("VARCHAR", "ENUM('a')"),
    ("VARCHAR", "UUID"),
    ("VARCHAR", "JSON"),
    ("INTEGER", "JSON"),
    ("STRUCT(a INTEGER)", "JSON"),
    ("JSON", "INTEGER"),
    ("JSON", "VARCHAR"),
    ("JSON", "STRUCT(a INTEGER)[]"),
    ("INTEGER[]", "INTEGER[3]"),
    ("INTEGER[3]", "INTEGER[]"),
    ("INTEGER[3]", "BIGINT[3]"),
    ("MAP(VARCHAR, BIGINT)", "STRUCT(a INTEGER)"),
]

REFUSED = [
    ("INTEGER", "VARCHAR", "CAST(… AS INTEGER)"),
    ("BOOLEAN", "VARCHAR", "CAST(… AS BOOLEAN)"),
    ("VARCHAR", "INTEGER", "CAST(… AS VARCHAR)"),
    ("BLOB", "VARCHAR", "CAST(… AS BLOB)"),
    ("BOOLEAN", "INTEGER", "CAST(… AS BOOLEAN)"),
    ("DATE", "TIMESTAMP", "CAST(… AS DATE)"),
    ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "AT TIME ZONE 'UTC'"),
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "AT TIME ZONE 'UTC'"),
    ("TIMESTAMP WITH TIME ZONE", "DATE", "AT TIME ZONE 'UTC'"),
    ("STRUCT(a INTEGER)", "INTEGER", "CAST"),
    ("INTEGER", "INTEGER[]", "CAST"),
    ("STRUCT(a INTEGER)", "STRUCT(a INTEGER, b INTEGER)", 'field "v.b"'),
    ("STRUCT(first INTEGER)[]", "STRUCT(frist INTEGER)[]", 'Did you mean "first"?'),
    ("STRUCT(a STRUCT(b INTEGER)[])", "STRUCT(a STRUCT(b VARCHAR)[])", 'column "v.a[].b" is INTEGER'),
    ("STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "evolve => true"),
    ("STRUCT(a INTEGER)", "MAP(INTEGER, INTEGER)", "CAST"),
    ("MAP(INTEGER, INTEGER)", "STRUCT(a INTEGER)", "CAST"),
    ("INTEGER[3]", "INTEGER[2]", "evolve => true"),
    ("JSON", "VARIANT", "to_json"),
    ("JSON", "UNION(a INTEGER)", "to_json"),
]

WIDENED = [
    ("INTEGER", "BIGINT", "BIGINT"),
    ("BIGINT", "INTEGER", "BIGINT"),
    ("INTEGER", "UINTEGER", "BIGINT"),
    ("UBIGINT", "TINYINT", "HUGEINT"),
    ("UHUGEINT", "TINYINT", "BIGNUM"),
    ("TINYINT", "FLOAT", "FLOAT"),
    ("INTEGER", "FLOAT", "DOUBLE"),
    ("FLOAT", "INTEGER", "DOUBLE"),
    ("INTEGER", "DOUBLE", "DOUBLE"),
    ("FLOAT", "DOUBLE", "DOUBLE"),
    ("DOUBLE", "BIGINT", "DOUBLE"),
    ("DECIMAL(4,2)", "DECIMAL(5,1)", "DECIMAL(6,2)"),
    ("DECIMAL(18,3)", "BIGINT", "DECIMAL(22,3)"),
    ("INTEGER", "DECIMAL(4,2)", "DECIMAL(12,2)"),
    ("DECIMAL(4,2)", "DOUBLE", "DECIMAL(4,2)"),
    ("DECIMAL(38,10)", "DECIMAL(38,20)", "DECIMAL(38,10)"),
    ("ENUM('a', 'b')", "ENUM('c', 'b')", "ENUM('a', 'b', 'c')"),
    ("ENUM('a')", "VARCHAR", "VARCHAR"),
    ("VARCHAR", "ENUM('a')", "VARCHAR"),
    ("TIMESTAMP_S", "TIMESTAMP", "TIMESTAMP"),
    ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP"),
    ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP"),
    ("TIME", "TIME_NS", "TIME_NS"),
    ("STRUCT(a INTEGER)", "STRUCT(b VARCHAR, a BIGINT)", "STRUCT(a BIGINT, b VARCHAR)"),
    ("STRUCT(a STRUCT(x INTEGER)[])[]", "STRUCT(a STRUCT(y DATE)[])[]", "STRUCT(a STRUCT(x INTEGER, y DATE)[])[]"),
    ("STRUCT(a VARCHAR)", "MAP(VARCHAR, JSON)", "MAP(VARCHAR, VARCHAR)"),
    ("STRUCT(a VARCHAR)", 'MAP("NULL", "NULL")', "MAP(VARCHAR, VARCHAR)"),
    ('STRUCT(a "NULL")', "MAP(VARCHAR, DATE)", "MAP(VARCHAR, DATE)"),
    ("STRUCT(a TINYINT, b SMALLINT)", "MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, INTEGER)"),
    ("INTEGER[3]", "INTEGER[2]", "INTEGER[]"),
    ("INTEGER[3]", "BIGINT[]", "BIGINT[3]"),
    ("JSON", "VARCHAR", "JSON"),
    ("VARCHAR", "JSON", "VARCHAR"),
]


@pytest.mark.parametrize(("target", "source"), KEPT)
def test_without_evolve_a_column_keeps_its_type(target: str, source: str) -> None:
    assert merge("v", parse_type(target), parse_type(source)).type == parse_type(target)


@pytest.mark.parametrize(("target", "source", "message"), REFUSED)
def test_what_does_not_fit_is_refused_with_a_way_on(target: str, source: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        merge("v", parse_type(target), parse_type(source))
    assert message in error.value.line
    assert '"v' in error.value.line


@pytest.mark.parametrize(("target", "source", "expected"), WIDENED)
def test_with_evolve_a_column_widens(target: str, source: str, expected: str) -> None:
    merged = merge("v", parse_type(target), parse_type(source), evolve=True)
    assert merged.type == parse_type(expected)
    assert not merged.checks


@pytest.mark.parametrize("evolve", [False, True])
@pytest.mark.parametrize(
    ("target", "source"),
    [
        ('"NULL"', "STRUCT(a INTEGER)"),
        ('STRUCT(a "NULL")', "STRUCT(a INTEGER[])"),
        ('"NULL"[]', "VARCHAR[]"),
        ('MAP("NULL", "NULL")', "MAP(VARCHAR, DATE)"),
    ],
)
def test_a_column_without_a_type_takes_the_first_one(target: str, source: str, evolve: bool) -> None:
    assert merge("v", parse_type(target), parse_type(source), evolve=evolve).type == parse_type(source)


def test_integers_beyond_a_double_ask_for_a_check() -> None:
    for target in ("BIGINT", "UBIGINT", "HUGEINT"):
        merged = merge("v", parse_type(target), parse_type("DOUBLE"), evolve=True)
        assert merged.type == parse_type("DOUBLE")
        assert merged.checks == (Check(("v",), EXACT_DOUBLE),)
    merged = merge("v", parse_type("STRUCT(a BIGINT[])"), parse_type("STRUCT(a DOUBLE[])"), evolve=True)
    assert merged.checks == (Check(("v", "a", "[]"), EXACT_DOUBLE),)


def test_dates_that_become_timestamps_ask_for_a_check() -> None:
    merged = merge("v", parse_type("DATE"), parse_type("TIMESTAMP_NS"), evolve=True)
    assert merged.type == parse_type("TIMESTAMP")
    assert merged.checks == (Check(("v",), TIMESTAMP_RANGE),)


def test_a_struct_of_several_types_cannot_become_a_map() -> None:
    with pytest.raises(InvalidInputError, match="no common type"):
        merge("v", parse_type("STRUCT(a INTEGER, b VARCHAR)"), parse_type("MAP(VARCHAR, INTEGER)"), evolve=True)
    with pytest.raises(InvalidInputError, match="no common type"):
        merge("v", parse_type("STRUCT(a VARCHAR, b JSON)"), parse_type("MAP(VARCHAR, JSON)"), evolve=True)


@pytest.mark.parametrize(
    ("target", "source", "empty", "expected"),
    [
        ("JSON", "TIMESTAMP", ("v",), "TIMESTAMP"),
        ("STRUCT(a JSON, b JSON)[]", "STRUCT(a INTEGER, b INTEGER)[]", ("v", "[]", "a"), "STRUCT(a INTEGER, b JSON)[]"),
        ("MAP(VARCHAR, JSON)", "MAP(VARCHAR, DATE)", ("v", "{}"), "MAP(VARCHAR, DATE)"),
        ("STRUCT(a JSON, b DATE)", "MAP(VARCHAR, DATE)", ("v", "a"), "MAP(VARCHAR, DATE)"),
    ],
)
def test_json_without_any_value_takes_the_first_type(
    target: str, source: str, empty: tuple[str, ...], expected: str
) -> None:
    def is_empty(path: tuple[str, ...]) -> bool:
        return path == empty

    merged = merge("v", parse_type(target), parse_type(source), evolve=True, is_empty=is_empty)
    assert merged.type == parse_type(expected)


def test_json_without_any_value_stays_json_unless_asked() -> None:
    merged = merge("v", parse_type("JSON"), parse_type("DATE"), is_empty=lambda path: True)
    assert merged.type == parse_type("JSON")


STORED = [
    ("TINYINT", "HUGEINT", ["-128", "127"]),
    ("INTEGER", "DOUBLE", ["-2147483648", "2147483647"]),
    ("UBIGINT", "BIGINT", ["18446744073709551615", "0"]),
    ("UHUGEINT", "INTEGER", ["340282366920938463463374607431768211455", "0"]),
    ("HUGEINT", "BIGNUM", ["170141183460469231731687303715884105727", "-1"]),
    ("BIGINT", "DOUBLE", ["9007199254740992", "-9007199254740992"]),
    ("HUGEINT", "DOUBLE", ["9007199254740992", "-9007199254740992"]),
    ("SMALLINT", "FLOAT", ["-32768", "32767"]),
    ("FLOAT", "DOUBLE", ["0.1", "'nan'", "'-inf'", "'-0.0'"]),
    ("BIGINT", "DECIMAL(18,3)", ["9223372036854775807", "-9223372036854775808"]),
    ("DECIMAL(4,2)", "DECIMAL(38,20)", ["99.99", "-99.99"]),
    ("DATE", "TIMESTAMP", ["'infinity'", "'2020-01-01'", "'0044-03-15 (BC)'"]),
    ("TIMESTAMP_S", "TIMESTAMP", ["'infinity'", "'2020-01-01 00:00:01'"]),
    ("TIME", "TIME_NS", ["'24:00:00'", "'00:00:00.000001'"]),
    ("ENUM('a', 'b')", "ENUM('c')", ["'a'", "'b'"]),
    ("ENUM('a', 'b')", "VARCHAR", ["'a'", "'b'"]),
    ("INTEGER[3]", "INTEGER[2]", ["[1, NULL, 3]", "NULL"]),
    ('"NULL"', "STRUCT(a INTEGER[2])[]", ["NULL"]),
    ('"NULL"[]', "STRUCT(a INTEGER)[]", ["[]", "[NULL]", "NULL"]),
    ('STRUCT(a "NULL")', "STRUCT(a MAP(VARCHAR, INTERVAL))", ["{'a': NULL}", "NULL"]),
    ('MAP("NULL", "NULL")', "MAP(BIGINT, BLOB)", ["MAP {}", "NULL"]),
    (
        "STRUCT(a STRUCT(x INTEGER)[], k HUGEINT)",
        "STRUCT(a STRUCT(y DATE, X BIGINT)[], z UUID)",
        ["{'a': [{'x': 1}, NULL], 'k': 5}", "NULL", "{'a': NULL, 'k': NULL}"],
    ),
    ("MAP(VARCHAR, STRUCT(a INTEGER))", "MAP(VARCHAR, STRUCT(b DATE, a BIGINT))", ["MAP {'k': {'a': 1}, 'l': NULL}"]),
]


@pytest.mark.parametrize(("stored", "source", "values"), STORED)
def test_what_was_stored_reads_as_the_widened_type(tmp_path: Path, stored: str, source: str, values: list[str]) -> None:
    con = connect()
    values = [*values, "NULL"]
    path = written(tmp_path / "data.parquet", converted(con, values, stored, stored))
    current = merge("v", parse_type(stored), parse_type(source), evolve=True).type
    assert current != parse_type(stored)
    text = "v::VARCHAR" if current == parse_type("BIGNUM") else "v"
    expected = f"SELECT n, CAST({text} AS {current}) AS v FROM ({values_query(values, stored)})"
    assert shown(con, scan(path, current)) == shown(con, expected)
    for number in range(len(values) - 1):
        equal = f"SELECT list(n) FROM ({scan(path, current)}) WHERE v = (SELECT v FROM ({expected}) WHERE n = {number})"
        if values[number] != "NULL":
            assert con.execute(equal).fetchall() == [([number],)]


@pytest.mark.parametrize("project", ["boxes", "text"])
def test_raw_exports_merge_and_both_versions_keep_all_they_say(tmp_path: Path, project: str) -> None:
    con = connect()
    exports = {v: f"FROM read_json('{EXPORTS}/{project}/{v}.json')" for v in ("v1", "v2")}
    types = {}
    for version, query in exports.items():
        (text,), *_ = con.execute(f"SELECT typeof(any_value(r)) FROM ({query} LIMIT 0) AS r").fetchall()
        types[version] = parse_type(text)
    first, second = types["v1"], types["v2"]
    assert isinstance(first, Struct)
    assert isinstance(second, Struct)

    def store(version: str, source: Struct, columns: list[TargetColumn]) -> Path:
        table = Converter(source, columns).convert(arriving(con, exports[version]))
        return written(tmp_path / f"{version}.parquet", table)

    columns = [TargetColumn(name, t, number) for number, (name, t) in enumerate(first.fields, 1)]
    path = store("v1", first, columns)
    empty = set(empty_leaves(pq.read_metadata(path), list(first.fields)))
    merged = []
    for column in columns:
        source = second.by_name[column.name.casefold()][1]
        after = merge(column.name, column.type, source, evolve=True, is_empty=empty.__contains__)
        assert after.checks == ()
        merged.append(TargetColumn(column.name, after.type, column.field_id))
    assert [c.name for c, m in zip(columns, merged, strict=True) if c.type != m.type] == {
        "boxes": ["annotations", "data"],
        "text": ["annotations", "meta", "updated_by"],
    }[project]
    files = {"v1": path, "v2": store("v2", second, merged)}
    for version, file in files.items():
        stored = con.execute(f"SELECT id, to_json(t)::VARCHAR FROM '{file}' AS t ORDER BY id").fetchall()
        given = con.execute(f"SELECT id, to_json(t)::VARCHAR FROM ({exports[version]}) AS t ORDER BY id").fetchall()
        assert [json.loads(text) for _, text in stored] == [json.loads(text) for _, text in given], version
