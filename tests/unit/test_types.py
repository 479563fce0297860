"""The text of types: what DuckDB prints is read, and what is written DuckDB reads."""

from __future__ import annotations

import time

import duckdb
import pytest

from space_sql.errors import InvalidInputError
from space_sql.format.types import (
    BIGINT,
    INTEGER,
    NULL,
    TIMESTAMPTZ,
    VARCHAR,
    Array,
    List,
    Map,
    Scalar,
    Struct,
    Union,
    decimal,
    enum,
    parse_type,
    quote_identifier,
    quote_literal,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BIGINT", BIGINT),
        ("int", INTEGER),
        ('"NULL"', NULL),
        ("TIMESTAMP WITH TIME ZONE", TIMESTAMPTZ),
        ("TIMESTAMPTZ", TIMESTAMPTZ),
        ("DECIMAL(18,3)", decimal(18, 3)),
        ("ENUM('x', 'y''z', '')", enum(("x", "y'z", ""))),
        ("GEOMETRY('OGC:CRS84')", Scalar("GEOMETRY('OGC:CRS84')")),
        ("INTEGER[3][]", List(Array(INTEGER, 3))),
        ('"NULL"[]', List(NULL)),
        ("MAP(VARCHAR, INTEGER[])", Map(VARCHAR, List(INTEGER))),
        ('UNION(k INTEGER, "b c" VARCHAR)', Union((("k", INTEGER), ("b c", VARCHAR)))),
        ("STRUCT", Struct(())),
        ("STRUCT()", Struct(())),
        ("TUPLE(INTEGER, VARCHAR)", Struct((("", INTEGER), ("", VARCHAR)))),
        ("STRUCT(TIMESTAMP WITH TIME ZONE, INTEGER)", Struct((("", TIMESTAMPTZ), ("", INTEGER)))),
        (
            'STRUCT("a""b" "NULL", timestamp TIMESTAMP WITH TIME ZONE, "x,(" INTEGER[2])',
            Struct((('a"b', NULL), ("timestamp", TIMESTAMPTZ), ("x,(", Array(INTEGER, 2)))),
        ),
    ],
)
def test_reads_what_duckdb_prints(text: str, expected: object) -> None:
    assert parse_type(text) == expected
    assert parse_type(str(parse_type(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "INTEGER]",
        "INTEGER[",
        "INTEGER[-1]",
        "INTEGER; DROP TABLE t",
        "INTEGER -- x",
        "STRUCT(a INTEGER",
        "STRUCT(a INTEGER,)",
        "STRUCT(a)(b)",
        "MAP(INTEGER)",
        "ENUM('a'",
        "ENUM(a)",
        "DECIMAL(a)",
        '"',
        "'a'",
        "3",
        "TIMESTAMP WITH TIME",
    ],
)
def test_refuses_other_text(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a type"):
        parse_type(text)


@pytest.mark.parametrize("text", ["INTEGER" + "[]" * 101, "STRUCT(a " * 101 + "INTEGER" + ")" * 101])
def test_refuses_types_that_nest_too_deep(text: str) -> None:
    with pytest.raises(InvalidInputError, match="at most 100 levels"):
        parse_type(text)


@pytest.mark.parametrize(
    "sql",
    [
        "NULL",
        "[]",
        "MAP {}",
        "{'a': NULL, 'b c': [1], 'select': MAP {'k': 1.5}}",
        """{'a"b': 'x', 'é\n': 1::UTINYINT}""",
        "'x'::ENUM('x', 'y''z', '', 'a, b', 'c)')",
        "[[1, 2]]::INTEGER[2][]",
        "'12:00:00+01'::TIMETZ",
        "now()",
        "1::HUGEINT",
        "'POINT(1 2)'::GEOMETRY",
        "'2020-01-01'::TIMESTAMP_NS",
        "1::DECIMAL(38,10)",
        "union_value(\"k k\" := {'a': 1})",
    ],
)
def test_the_text_of_a_type_is_one_that_duckdb_casts_to(sql: str) -> None:
    con = duckdb.connect()
    printed = con.execute(f"SELECT typeof({sql})").fetchall()[0][0]
    t = parse_type(printed)
    assert con.execute(f"SELECT typeof(CAST({sql} AS {t}))").fetchall() == [(printed,)]


def test_ten_thousand_fields_are_read_quickly() -> None:
    fields = (f'"field {i}" DECIMAL(18,3)[]' for i in range(10_000))
    text = f"STRUCT({', '.join(fields)})"
    start = time.perf_counter()
    t = parse_type(text)
    assert time.perf_counter() - start < 1
    assert isinstance(t, Struct)
    assert len(t.fields) == 10_000
    assert parse_type(str(t)) is not None


def test_types_know_their_parts() -> None:
    assert enum(("a", "b'c")).values == ("a", "b'c")
    assert VARCHAR.values == ()
    assert decimal(18, 3).decimal == (18, 3)
    assert BIGINT.decimal is None
    assert Scalar("GEOMETRY('OGC:CRS84')").base == "GEOMETRY"
    assert Struct((("A", INTEGER),)).by_name == {"a": ("A", INTEGER)}


def test_quotes_names_and_text() -> None:
    assert quote_identifier('a"b') == '"a""b"'
    assert quote_literal("a'b") == "'a''b'"
