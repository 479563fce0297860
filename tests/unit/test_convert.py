"""Values of one type written into a column of another survive exactly or are refused by name."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from space_sql.dataset.convert import Converter, TargetColumn
from space_sql.dataset.evolve import merge
from space_sql.errors import InvalidInputError
from space_sql.format.types import BIGINT, DOUBLE, INTEGER, VARCHAR, Struct, Type, parse_type
from tests.unit.duck import arriving, connect, converted, scan, shown, written

EXACT = [
    ("DOUBLE", "INTEGER", "2.0", "2"),
    ("DOUBLE", "INTEGER", "NULL", None),
    ("DOUBLE", "FLOAT", "0.5", "0.5"),
    ("DOUBLE", "FLOAT", "'nan'", "nan"),
    ("BIGINT", "DOUBLE", "5", "5.0"),
    ("BIGINT", "TINYINT", "-128", "-128"),
    ("UHUGEINT", "HUGEINT", "4", "4"),
    ("HUGEINT", "BIGNUM", "170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    ("BIGNUM", "HUGEINT", "'5'", "5"),
    ("BIGNUM", "DECIMAL(18,3)", "'-500'", "-500.000"),
    ("DOUBLE", "BIGNUM", "1e30", "1000000000000000019884624838656"),
    ("DECIMAL(38,37)", "DOUBLE", "0.1", "0.1"),
    ("DECIMAL(18,3)", "FLOAT", "0.1", "0.1"),
    ("DOUBLE", "DECIMAL(38,20)", "0.1", "0.10000000000000000000"),
    ("DECIMAL(4,2)", "DECIMAL(4,1)", "1.20", "1.2"),
    ("DATE", "TIMESTAMP", "'infinity'", "infinity"),
    ("DATE", "TIMESTAMP_NS", "'2020-01-01'", "2020-01-01 00:00:00"),
    ("TIMESTAMP", "TIMESTAMP_S", "'2020-01-01 00:00:01'", "2020-01-01 00:00:01"),
    ("TIMESTAMP", "TIMESTAMP_NS", "'-infinity'", "-infinity"),
    ("TIMESTAMP_NS", "TIMESTAMP", "'2020-01-01 00:00:00.000001'", "2020-01-01 00:00:00.000001"),
    ("TIME", "TIME_NS", "'24:00:00'", "24:00:00"),
    ("VARCHAR", "DATE", "'2020-01-01 00:00:00'", "2020-01-01"),
    ("VARCHAR", "DATE", "'infinity'", "infinity"),
    ("VARCHAR", "TIMESTAMP", "'2026-11-22T10:11:12.123456Z'", "2026-11-22 10:11:12.123456"),
    ("VARCHAR", "TIMESTAMP WITH TIME ZONE", "'2020-01-01 12:00:00+02:30'", "2020-01-01 09:30:00+00"),
    ("VARCHAR", "TIME WITH TIME ZONE", "'12:00:00-05:30'", "12:00:00-05:30"),
    ("VARCHAR", "ENUM('a', 'b')", "'a'", "a"),
    ("ENUM('b', 'c')", "ENUM('a', 'b')", "'b'", "b"),
    ("ENUM('b', 'c')", "VARCHAR", "'b'", "b"),
    ("UUID", "VARCHAR", "'00000000-0000-0000-0000-000000000005'", "00000000-0000-0000-0000-000000000005"),
    ("JSON", "VARCHAR", "'\"abc\"'", "abc"),
    ("JSON", "VARCHAR", "'null'", None),
    ("JSON", "INTEGER", "'5'", "5"),
    ("JSON", "DOUBLE", "'1e3'", "1000.0"),
    ("JSON", "DECIMAL(38,20)", "'0.12345678901234567891'", "0.12345678901234567891"),
    ("JSON", "HUGEINT", "'123456789012345678901234567890'", "123456789012345678901234567890"),
    ("JSON", "BOOLEAN", "'true'", "true"),
    ("JSON", "TIMESTAMP", "'\"2020-01-01T00:00:00Z\"'", "2020-01-01 00:00:00"),
    ("JSON", "INTEGER[]", "'null'", None),
    ("JSON", "STRUCT(a INTEGER)", "NULL", None),
    ("INTEGER", "JSON", "5", "5"),
    ("VARCHAR", "JSON", "'{}'", '"{}"'),
    ("STRUCT(a INTEGER, b JSON)", "JSON", "{'a': 1, 'b': '{\"x\": 1}'}", '{"a":1,"b":{"x":1}}'),
    ('"NULL"', "JSON", "NULL", None),
    ('"NULL"', "STRUCT(a INTEGER)", "NULL", None),
    ('STRUCT(a "NULL")', "STRUCT(A INTEGER, b VARCHAR)", "{'a': NULL}", "{'A': NULL, 'b': NULL}"),
    ("STRUCT(a DOUBLE)", "STRUCT(A INTEGER, b VARCHAR)", "{'a': 2.0}", "{'A': 2, 'b': NULL}"),
    ("STRUCT(a DOUBLE)", "STRUCT(A INTEGER, b VARCHAR)", "NULL", None),
    (
        "STRUCT(a DOUBLE, b VARCHAR)",
        "STRUCT(b DATE, a INTEGER)",
        "{'a': 2, 'b': '2020-01-01'}",
        "{'b': 2020-01-01, 'a': 2}",
    ),
    ("STRUCT(a DOUBLE)[]", "STRUCT(a INTEGER, b VARCHAR)[]", "[{'a': 2}, NULL]", "[{'a': 2, 'b': NULL}, NULL]"),
    ("DOUBLE[2]", "INTEGER[]", "[1, NULL]", "[1, NULL]"),
    ("DOUBLE[]", "INTEGER[2]", "[1, NULL]", "[1, NULL]"),
    ("DOUBLE[]", "INTEGER[2]", "NULL", None),
    ("INTEGER[2]", "BIGINT[2]", "[1, NULL]", "[1, NULL]"),
    ("STRUCT(a INTEGER, b INTEGER)", "MAP(VARCHAR, DOUBLE)", "{'a': 1, 'b': NULL}", "{a=1.0}"),
    ("STRUCT(a INTEGER, b INTEGER)", "MAP(VARCHAR, DOUBLE)", "NULL", None),
    ("MAP(VARCHAR, DOUBLE)", "MAP(VARCHAR, INTEGER)", "MAP {'a': 1, 'b': NULL}", "{a=1, b=NULL}"),
    ("MAP(VARCHAR, JSON)", "MAP(VARCHAR, VARCHAR)", "MAP {'a': '\"x\"'::JSON}", "{a=x}"),
    ('MAP("NULL", "NULL")', "MAP(VARCHAR, INTEGER[])", "MAP {}", "{}"),
    ('"NULL"[]', "INTEGER[2][]", "[NULL]", "[NULL]"),
    ('STRUCT("a""b\'c" DOUBLE)', 'STRUCT("a""b\'c" INTEGER)', "{'a\"b''c': 2}", "{'a\"b\\'c': 2}"),
    (
        "STRUCT(t TIME WITH TIME ZONE, d DOUBLE)",
        "STRUCT(t TIME WITH TIME ZONE, d INTEGER)",
        "{'t': '12:00:00+05', 'd': 2}",
        "{'t': '12:00:00+05', 'd': 2}",
    ),
]

INEXACT = [
    ("DOUBLE", "INTEGER", "2.7", "value 2.7 does not fit INTEGER"),
    ("DOUBLE", "INTEGER", "'nan'", "value nan"),
    ("DOUBLE", "INTEGER", "1e20", "value 1e+20"),
    ("DOUBLE", "FLOAT", "0.1", "value 0.1 does not fit FLOAT"),
    ("BIGINT", "DOUBLE", "9007199254740993", "9007199254740993"),
    ("BIGINT", "DOUBLE", "9223372036854775807", "9223372036854775807"),
    ("BIGINT", "TINYINT", "500", "value 500"),
    ("UBIGINT", "BIGINT", "18446744073709551615", "18446744073709551615"),
    ("HUGEINT", "DOUBLE", "170141183460469231731687303715884105727", "DOUBLE"),
    ("UHUGEINT", "HUGEINT", "340282366920938463463374607431768211455", "HUGEINT"),
    ("DOUBLE", "DECIMAL(18,3)", "0.1234", "value 0.1234"),
    ("DECIMAL(18,3)", "FLOAT", "12345678.123", "FLOAT"),
    ("DECIMAL(4,2)", "INTEGER", "1.25", "value 1.25"),
    ("DECIMAL(4,2)", "BIGNUM", "2.50", "value 2.50"),
    ("DOUBLE", "BIGNUM", "2.5", "value 2.5"),
    ("BIGNUM", "INTEGER", "'99999999999999'", "99999999999999"),
    ("DATE", "TIMESTAMP", "'5881580-07-10'", "5881580-07-10"),
    ("DATE", "TIMESTAMP_NS", "'9999-01-01'", "9999-01-01"),
    ("TIMESTAMP", "TIMESTAMP_NS", "'9999-01-01'", "9999-01-01"),
    ("TIMESTAMP", "TIMESTAMP_S", "'2020-01-01 00:00:01.5'", "00:00:01.5"),
    ("TIMESTAMP_NS", "TIMESTAMP", "'2020-01-01 00:00:01.000000001'", "000000001"),
    ("TIME_NS", "TIME", "'10:00:00.000000001'", "10:00:00.000000001"),
    ("VARCHAR", "DATE", "'2020-01-01 12:00:00'", "'2020-01-01 12:00:00' does not fit DATE"),
    ("VARCHAR", "DATE", "''", "value '' does not fit DATE"),
    ("VARCHAR", "TIMESTAMP", "'2020-01-01 12:00:00+02'", "+02"),
    ("VARCHAR", "TIMESTAMP", "'2020-01-01 12:00:00 Europe/Berlin'", "Berlin"),
    ("VARCHAR", "TIMESTAMP", "'2020-01-01 12:00:00.1234567'", "1234567"),
    ("VARCHAR", "TIMESTAMP WITH TIME ZONE", "'2020-01-01 12:00:00'", "needs a time zone"),
    ("VARCHAR", "TIME", "'12:00:00+02'", "+02"),
    ("VARCHAR", "TIME WITH TIME ZONE", "'12:00:00'", "needs an offset"),
    ("VARCHAR", "UUID", "'x'", "'x' does not fit UUID"),
    ("VARCHAR", "ENUM('a', 'b')", "'c'", "'c' does not fit ENUM('a', 'b')"),
    ("ENUM('b', 'c')", "ENUM('a', 'b')", "'c'", "'c'"),
    ("VARCHAR", "BIT", "'12'", "'12' does not fit BIT"),
    ("JSON", "VARCHAR", "'5'", "CAST it to VARCHAR"),
    ("JSON", "INTEGER", "'5.5'", "5.5"),
    ("JSON", "INTEGER", "'\"5\"'", '"5"'),
    ("JSON", "DOUBLE", "'0.1234567890123456789'", "0.1234567890123456789"),
    ("JSON", "DOUBLE", "'1e400'", "1e400"),
    ("JSON", "INTEGER[]", "'[1]'", "[1]"),
    ("JSON", "BLOB", "'\"c\"'", '"c"'),
    ("DOUBLE[]", "INTEGER[2]", "[1]", "[1.0] does not fit INTEGER[2]"),
    ("STRUCT(a DOUBLE)[]", "STRUCT(a INTEGER)[]", "[{'a': 2.5}]", 'column "v[].a": value 2.5'),
    ("MAP(VARCHAR, DOUBLE)", "MAP(VARCHAR, INTEGER)", "MAP {'a': 1.5}", 'column "v{}": value 1.5'),
    (
        "STRUCT(t TIME WITH TIME ZONE, d DOUBLE)",
        "STRUCT(t TIME WITH TIME ZONE, d INTEGER)",
        "{'t': '12:00:00+05', 'd': 2.5}",
        'column "v.d"',
    ),
    (
        "STRUCT(i INTERVAL)[]",
        "STRUCT(i INTERVAL)[]",
        "[{'i': to_microseconds(9223372036854775807)}]",
        "999,999,999 hours",
    ),
]


@pytest.mark.parametrize(("source", "target", "value", "expected"), EXACT)
def test_a_value_that_fits_is_kept(tmp_path: Path, source: str, target: str, value: str, expected: str | None) -> None:
    assert merge("v", parse_type(target), parse_type(source)).type == parse_type(target)
    con = connect()
    path = written(tmp_path / "data.parquet", converted(con, [value, "NULL", value], source, target))
    assert [text for text, _ in shown(con, scan(path, target))] == [expected, None, expected]


@pytest.mark.parametrize(("source", "target", "value", "message"), INEXACT)
def test_a_value_that_does_not_fit_is_named(source: str, target: str, value: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        converted(connect(), ["NULL", value], source, target)
    assert message in error.value.line
    assert error.value.line.startswith('invalid-input: column "v')


def _converter(source: dict[str, Type], target: dict[str, Type]) -> Converter:
    columns = [TargetColumn(name, t, number) for number, (name, t) in enumerate(target.items(), 1)]
    return Converter(Struct(tuple(source.items())), columns)


def test_columns_match_by_name_ignoring_case_and_missing_ones_are_not_written() -> None:
    converter = _converter({"B": VARCHAR, "x": BIGINT, "a": INTEGER}, {"A": INTEGER, "b": VARCHAR, "c": DOUBLE})
    rows = pa.table({"B": ["x"], "x": [1], "a": pa.array([5], pa.int32())})
    table = converter.convert(rows)
    assert table.to_pylist() == [{"A": 5, "b": "x"}]
    assert table.schema.equals(converter.schema, check_metadata=True)
    assert [field.metadata for field in converter.schema] == [
        {b"PARQUET:field_id": b"1"},
        {b"PARQUET:field_id": b"2"},
    ]


def test_columns_that_arrive_as_they_are_written_are_not_copied() -> None:
    rows = pa.table({"a": [1, 2], "b": ["x", "y"]})
    table = _converter({"a": BIGINT, "b": VARCHAR}, {"a": BIGINT, "b": VARCHAR}).convert(rows)
    assert [c.chunk(0).buffers()[-1].address for c in table.columns] == [
        c.chunk(0).buffers()[-1].address for c in rows.columns
    ]


def test_no_rows_give_an_empty_table_of_the_schema() -> None:
    for target in (BIGINT, INTEGER, parse_type("HUGEINT"), parse_type("JSON")):
        converter = _converter({"a": BIGINT}, {"a": target})
        assert converter.convert(pa.table({"a": pa.array([], pa.int64())})).schema == converter.schema


def test_sliced_and_chunked_rows_keep_their_order(tmp_path: Path) -> None:
    con = connect()
    query = """SELECT n, CASE WHEN n % 7 > 0 THEN {
        'j': to_json(n), 'u': md5(n::VARCHAR)::UUID, 'h': n::HUGEINT, 'e': ('e' || n % 3)::ENUM('e0', 'e1', 'e2'),
        'm': MAP {n: [n::HUGEINT]}} END AS v
        FROM range(10000) t(n)"""
    t = parse_type(con.execute(f"SELECT any_value(typeof(v)) FROM ({query})").fetchall()[0][0])
    chunks = arriving(con, query)
    assert len(chunks) > 1
    pieces = [piece for chunk in chunks for piece in (chunk.slice(0, 3), chunk.slice(3))]
    converter = Converter(Struct((("n", BIGINT), ("v", t))), [TargetColumn("n", BIGINT, 1), TargetColumn("v", t, 7)])
    path = written(tmp_path / "data.parquet", converter.convert(pieces))
    compared = (
        f"SELECT count(*), bool_and(a.v IS NOT DISTINCT FROM b.v) FROM ({query}) a JOIN ({scan(path, t)}) b USING (n)"
    )
    assert con.execute(compared).fetchall() == [(10_000, True)]


@pytest.mark.parametrize(
    ("source", "target", "values"),
    [
        ("DOUBLE[][]", "INTEGER[2][2]", ["[[1, 2], NULL]", "NULL", "[NULL, NULL]", "[[3, 4], [5, 6]]"]),
        ("STRUCT(a DOUBLE, e INTEGER[2])", "STRUCT(a INTEGER, e INTEGER[2])", ["{'a': 1, 'e': [1, 2]}", "NULL"]),
        ("STRUCT(a INTEGER[2])[]", "MAP(VARCHAR, INTEGER[2])[]", ["[{'a': [1, 2]}, NULL, {'a': NULL}]", "NULL", "[]"]),
        ("JSON", "INTEGER[2]", ["NULL", "'null'"]),
        ("DOUBLE[2]", "INTEGER[2]", ["[1, 2]", "NULL", "[NULL, 2]"]),
    ],
)
def test_arrays_are_converted_among_rows_that_are_null(
    tmp_path: Path, source: str, target: str, values: list[str]
) -> None:
    con = connect()
    path = written(tmp_path / "data.parquet", converted(con, values * 3, source, target))
    texts = [text for text, _ in shown(con, scan(path, target))]
    for number, value in enumerate(values):
        (alone, _), *_ = shown(
            con, scan(written(tmp_path / f"{number}.parquet", converted(con, [value], source, target)), target)
        )
        assert texts[number] == alone


def test_hundreds_of_columns_are_converted() -> None:
    source = {f"c{i}": DOUBLE for i in range(450)}
    converter = _converter(source, dict.fromkeys(source, parse_type("HUGEINT")))
    table = converter.convert(pa.table({name: [float(i)] for i, name in enumerate(source)}))
    assert list(table.to_pylist()[0].values()) == [str(i) for i in range(450)]


def test_lists_that_nest_too_deep_to_be_checked_are_refused() -> None:
    value = "[" * 11 + "1" + "]" * 11
    with pytest.raises(InvalidInputError, match="more than 10 levels deep: CAST it"):
        converted(connect(), [value], "DOUBLE" + "[]" * 11, "INTEGER" + "[]" * 11)
    same = "DOUBLE" + "[]" * 11
    assert len(converted(connect(), [value], same, same)) == 1


def test_one_converter_serves_many_threads() -> None:
    converter = _converter({"a": DOUBLE}, {"a": parse_type("HUGEINT")})
    results: dict[int, list[str]] = {}

    def convert(number: int) -> None:
        rows = pa.table({"a": pa.array([float(number)] * 1000)})
        results[number] = converter.convert(rows)["a"].unique().to_pylist()

    threads = [threading.Thread(target=convert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [str(number)] for number in range(8)}


@pytest.mark.parametrize(
    ("source", "target", "low", "high"),
    [("BIGINT", "INTEGER", -(2**31), 2**31 - 1), ("BIGINT", "DOUBLE", -(2**53), 2**53), ("DOUBLE", "FLOAT", 0, 0)],
)
def test_random_numbers_survive_or_are_refused(source: str, target: str, low: int, high: int) -> None:
    rng = random.Random(7)
    kept = 0
    for _ in range(30):
        value = rng.choice([rng.randint(low * 2, high * 2), low, high, rng.randint(-100, 100) * 0.5])
        value = int(value) if source == "BIGINT" else float(value)
        converter = _converter({"a": parse_type(source)}, {"a": parse_type(target)})
        try:
            found = converter.convert(pa.table({"a": [value]}))["a"].to_pylist()
        except InvalidInputError:
            assert not low <= value <= high
        else:
            assert found == [value]
            kept += 1
    assert kept


def test_a_million_plain_rows_cost_next_to_nothing() -> None:
    con = connect()
    chunks = arriving(
        con,
        "SELECT n AS a, n::DOUBLE AS b, 'label ' || n % 50 AS c, n % 2 = 0 AS d, n % 100 AS e FROM range(1000000) t(n)",
    )
    fields = {"a": BIGINT, "b": DOUBLE, "c": VARCHAR, "d": parse_type("BOOLEAN"), "e": BIGINT}
    converter = _converter(fields, fields)
    table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(chunk) for chunk in chunks])
    best = min(_seconds(converter, table) for _ in range(5))
    assert best < 0.05


def _seconds(converter: Converter, table: pa.Table) -> float:
    start = time.perf_counter()
    converter.convert(table)
    return time.perf_counter() - start
