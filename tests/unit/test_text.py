"""The command line's text of a value is DuckDB's own."""

from __future__ import annotations

import duckdb
import pytest

from space_sql.cli.text import text

EXPRESSIONS = [
    "NULL",
    "true",
    "-9223372036854775808",
    "170141183460469231731687303715884105727::HUGEINT",
    "1.50::DECIMAL(5, 2)",
    "0.0000001::DECIMAL(18, 7)",
    "0.1::FLOAT",
    "16777216::FLOAT",
    "1e10::FLOAT",
    "3.4e38::FLOAT",
    "1e-5",
    "1e15::DOUBLE",
    "1e16::DOUBLE",
    "'-0.0'::DOUBLE",
    "'nan'::DOUBLE",
    "'-infinity'::DOUBLE",
    "''",
    "'naïve\nlines'",
    "DATE '0005-01-02'",
    "DATE '5000000-01-01'",
    "DATE '0044-03-15 (BC)'",
    "TIMESTAMP '2020-01-02 03:04:05.600000'",
    "TIMESTAMP '0099-01-02 03:04:05'",
    "TIMESTAMPTZ '2020-01-02 03:04:05+00'",
    "TIME '01:02:03.000100'",
    "'12:00:00.25-15:59:59'::TIMETZ",
    "'12:00:00+05:30'::TIMETZ",
    "INTERVAL 3 DAY",
    "INTERVAL '-3 days'",
    "INTERVAL '1 day 04:05:06.7'",
    "INTERVAL '-04:05:06'",
    "INTERVAL 0 DAY",
    r"'\xAA\x00ab\x27\x22\x5C ~'::BLOB",
    "'0101'::BIT",
    "'6799b4e1-56e2-44b5-b31c-1c8ec245785b'::UUID",
    "'happy'::ENUM('happy', 'sad')",
    """'{"a": [1, null]}'::JSON""",
    "[]",
    "[1, NULL]",
    "['a b', '', ' a', 'null', 'it''s', 'a,b', 'a\"b', '(', NULL]",
    "[0.1::FLOAT, 1e10::FLOAT]",
    "[TIMESTAMP '2020-01-02 03:04:05', NULL]",
    "[DATE '2020-01-02']",
    "[['a'], [NULL], NULL]",
    "array_value(1, 2)",
    """['{"a": 1}'::JSON]""",
    "{'a': [1, 2], 'b c': NULL, 'd''e': {'f': TIME '12:00:00'}}",
    "[{'u': '6799b4e1-56e2-44b5-b31c-1c8ec245785b'::UUID, 'd': 1.50::DECIMAL(5, 2)}]",
    "row(1, 'a', NULL)",
    "MAP {'a': [1], 'b c': NULL}",
    "MAP {[1]: {'k': 'v'}}",
    "MAP {}",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_value_reads_as_its_cast_to_varchar(expression: str) -> None:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'Asia/Kolkata'")
    row = con.execute(f"SELECT {expression}, coalesce(CAST({expression} AS VARCHAR), 'NULL')").fetchone()
    assert row is not None
    assert con.description is not None
    assert text(row[0], con.description[0][1]) == row[1]
