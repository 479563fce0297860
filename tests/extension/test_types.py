"""Rows reach Python as Arrow just as the Python host has them, for every type, NULL and nesting."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from space_sql.functions import calls
from tests.hosts.extension import ExtensionHost

VALUES = {
    "BOOLEAN": "i % 3 = 0",
    "TINYINT": "(i % 100)::TINYINT",
    "UTINYINT": "(i % 200)::UTINYINT",
    "SMALLINT": "(-i)::SMALLINT",
    "USMALLINT": "i::USMALLINT",
    "INTEGER": "(-i * 1000)::INTEGER",
    "UINTEGER": "(i * 1000000)::UINTEGER",
    "BIGINT": "i * -1000000007",
    "UBIGINT": "(18446744073709551615 - i)::UBIGINT",
    "HUGEINT": "-170141183460469231731687303715884105727::HUGEINT + i",
    "UHUGEINT": "340282366920938463463374607431768211455::UHUGEINT - i::UHUGEINT",
    "FLOAT": "CASE i % 5 WHEN 0 THEN 'nan' WHEN 1 THEN '-inf' ELSE i / 3 END::FLOAT",
    "DOUBLE": "i / 3",
    "DECIMAL(4,1)": "(-i / 10)::DECIMAL(4,1)",
    "DECIMAL(9,3)": "(-i / 7)::DECIMAL(9,3)",
    "DECIMAL(18,4)": "(i * -123456.7)::DECIMAL(18,4)",
    "DECIMAL(38,10)": "(i * -123456789012345.6)::DECIMAL(38,10)",
    "VARCHAR": "repeat('é', (i % 40)::INT)",
    "VARCHAR of 12 and 13 bytes": "repeat('x', 12 + (i % 2)::INT)",
    "BLOB": "encode(repeat('ab', (i % 9)::INT)) || '\\x00\\xff'::BLOB",
    "BIT": "(i + 1)::BIGINT::BIT",
    "UUID": "md5(i::VARCHAR)::UUID",
    "JSON": "to_json({i: i})",
    "BIGNUM": "(i * 1234567891234567891)::BIGNUM",
    "ENUM": "(['sad', 'ok', 'happy'])[1 + i % 3]::ENUM('sad', 'ok', 'happy')",
    "DATE": "DATE '1969-12-01' + i::INTEGER",
    "TIME": "TIME '00:00:01.5' + to_seconds(i)",
    "TIME_NS": "'01:02:03.123456789'::TIME_NS",
    "TIMETZ": "'01:02:03+04:30'::TIMETZ",
    "TIMESTAMP": "TIMESTAMP '1969-12-31 23:59:59.5' + to_seconds(i)",
    "TIMESTAMP_S": "(TIMESTAMP '1969-12-31 23:59:59' + to_seconds(i))::TIMESTAMP_S",
    "TIMESTAMP_MS": "(TIMESTAMP '1969-12-31 23:59:59.5' + to_seconds(i))::TIMESTAMP_MS",
    "TIMESTAMP_NS": "(TIMESTAMP '1969-12-31 23:59:59.5' + to_seconds(i))::TIMESTAMP_NS",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i)",
    "infinity": "CASE i % 3 WHEN 0 THEN 'infinity' ELSE '-infinity' END::TIMESTAMP",
    "INTERVAL": "to_months(i % 30) + to_days(i::INT) + to_microseconds(-i)",
    "GEOMETRY": "('POINT(1 ' || i || ')')::GEOMETRY",
    "NULL": "NULL",
    "LIST": "CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN [] ELSE [i, NULL, i * 2] END",
    "LIST of LIST": "[[i], NULL, [], [i, i::INT % 3]]",
    "LIST of VARCHAR": "[repeat('long enough', (i % 3)::INT), NULL]",
    "LIST of BOOLEAN": "[i % 2 = 0, NULL, true]",
    "LIST of UUID": "[md5(i::VARCHAR)::UUID, NULL]",
    "LIST, reversed": "list_reverse(range(i % 5))",
    "LIST, filtered": "list_filter(range(i % 7), lambda x: x % 2 = 0)",
    "LIST of STRUCT": "[{'a': i, 'b': [i::VARCHAR, NULL]}, NULL, {'a': NULL, 'b': NULL}]",
    "ARRAY": "CASE i % 3 WHEN 0 THEN NULL ELSE [i, NULL, 3]::INTEGER[3] END",
    "ARRAY of VARCHAR": "['a', repeat('b', (i % 20)::INT)]::VARCHAR[2]",
    "LIST of ARRAY": "[[i, 1]::INTEGER[2], NULL, [2, 3]::INTEGER[2]]",
    "ARRAY of LIST": "[[i], []]::BIGINT[][2]",
    "STRUCT": "CASE WHEN i % 4 > 0 THEN {'x': i, 'a name': repeat('y', (i % 20)::INT), 'z': {'q': NULL}} END",
    "MAP": "CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN MAP {} ELSE MAP {i: 'v' || i, -1: NULL} END",
    "MAP of STRUCT": "MAP {'k' || i: {'a': [i]}, 'other': NULL}",
    "UNION": "CASE i % 3 WHEN 1 THEN union_value(n := i) WHEN 2 THEN 'text' END::UNION(n BIGINT, t VARCHAR)",
    "LIST of DECIMAL": "[(i / 4)::DECIMAL(6,2), NULL]",
    "LIST of ENUM": "[NULL, 'b'::ENUM('a', 'b'), 'a'::ENUM('a', 'b')]",
    "STRUCT of UNION": "{'u': union_value(a := i)}",
    "LIST of INTERVAL": "[to_days(i::INT), NULL]",
    "LIST of TIMESTAMPTZ": "[TIMESTAMPTZ '2026-01-01 00:00:00+00', NULL]",
}
ROWS = {
    "plain": "SELECT {} AS x FROM range(5000) t(i)",
    "with NULLs": "SELECT CASE WHEN i % 7 < 3 THEN NULL ELSE {} END AS x FROM range(2100) t(i)",
    "constant": "SELECT {} AS x, j FROM (SELECT 5::BIGINT AS i), range(3) r(j)",
    "constant NULL": "SELECT CASE WHEN i > 3 THEN NULL ELSE {} END AS x, j FROM (SELECT 5::BIGINT AS i), range(3) r(j)",
    "filtered": "SELECT x FROM (SELECT i, {} AS x FROM range(3000) t(i)) WHERE i % 3 = 1",
    "joined": "SELECT x, k FROM (SELECT i, {} AS x FROM range(10) t(i)) JOIN range(200) r(k) ON k % 10 = i",
    "in a struct": "SELECT {{'in': {}, 'n': NULL}} AS x FROM range(50) t(i)",
    "in a list": "SELECT list(x ORDER BY i) AS x FROM (SELECT i, {} AS x FROM range(60) t(i)) GROUP BY i % 4",
    "none": "SELECT {} AS x FROM range(0) t(i)",
}


@pytest.fixture(scope="module")
def loaded() -> Iterator[duckdb.DuckDBPyConnection]:
    con = ExtensionHost().connect(":memory:", False)._con
    yield con
    con.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.create_function(  # the same Python function, as the Python host has it
            "_space_stage", calls._calls.stage, None, "BIGINT", type="arrow", null_handling="special", side_effects=True
        )
        yield con


class Taken:
    """A write that keeps what it was given."""

    def __init__(self) -> None:
        self.chunks: list[pa.Array] = []

    def stage(self, rows: pa.Array) -> None:
        self.chunks.extend(rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows])

    def abort(self) -> None:
        """Nothing is staged."""


def staged(con: duckdb.DuckDBPyConnection, source: str) -> pa.ChunkedArray:
    sessions = calls._calls.sessions
    taken = Taken()
    handle = sessions.start(sessions.get("77|1|1|||"), taken)
    con.execute("SET threads = 1")
    con.execute(f"SELECT sum(_space_stage({handle}, r)) FROM ({source}) AS r").fetchall()
    sessions.finish(handle)
    for chunk in taken.chunks:
        chunk.validate(full="decimal" not in str(chunk.type))  # a HUGEINT is more than a decimal may hold
    return pa.chunked_array(taken.chunks) if taken.chunks else pa.chunked_array([], pa.null())


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("type_", VALUES)
def test_rows_are_those_of_the_python_host(
    type_: str, rows: str, loaded: duckdb.DuckDBPyConnection, plain: duckdb.DuckDBPyConnection
) -> None:
    source = ROWS[rows].format(VALUES[type_])
    try:
        expected = staged(plain, source)
    except duckdb.Error as error:
        pytest.skip(f"the Python host refuses it: {str(error).splitlines()[0]}")
    found = staged(loaded, source)
    assert found.type.equals(expected.type, check_metadata=True)
    assert len(found) == len(expected)
    differs = [(i, a, b) for i, (a, b) in enumerate(zip(values(found), values(expected), strict=True)) if a != b]
    assert not differs, differs[:3]


def values(rows: pa.ChunkedArray) -> list[str]:
    """Text of each row, as Python writes it; a NaN is then equal to another."""
    return [repr(value) for chunk in rows.chunks for value in as_numbers(chunk).to_pylist()]


def as_numbers(array: pa.Array) -> pa.Array:
    """The array with what Python cannot show, such as far times, as the numbers that are kept."""
    t = array.type
    if isinstance(t, pa.BaseExtensionType):
        return array.storage
    if pa.types.is_temporal(t) and not pa.types.is_interval(t):
        return array.cast(pa.int32() if t.bit_width == 32 else pa.int64())
    if t == pa.month_day_nano_interval():
        return array
    if pa.types.is_decimal(t):
        return pa.Array.from_buffers(pa.binary(16), len(array), array.buffers(), offset=array.offset)
    if pa.types.is_list(t):
        return pa.ListArray.from_arrays(array.offsets, as_numbers(array.values), mask=array.is_null())
    if pa.types.is_struct(t):
        columns = [as_numbers(array.field(i)) for i in range(t.num_fields)]  # flatten() aborts on a union
        return pa.StructArray.from_arrays(columns, names=[f"{i}" for i in range(len(columns))], mask=array.is_null())
    return array
