"""A view's query as DuckDB writes it means what it did."""

from __future__ import annotations

import itertools

import duckdb
import pytest

from space_sql.errors import InvalidInputError
from space_sql.views import tree

JOINS = {
    ",": "",
    "CROSS JOIN": "",
    "JOIN": "ON a.x = 1",
    "LEFT JOIN": "ON a.x = 2",
    "FULL JOIN": "ON a.x = 3",
    "SEMI JOIN": "ON a.x = 4",
    "NATURAL JOIN": "",
    "POSITIONAL JOIN": "",
}
LINE15 = duckdb.__version__.startswith("1.")


def _shape(sql: str) -> object:
    """How a query's relations are joined; a cross join is an inner join without a condition."""

    def of(part: tree.Node) -> object:
        if part["type"] != "JOIN":
            return part.get("table_name")
        kind = "INNER" if part["ref_type"] in ("REGULAR", "CROSS") else part["ref_type"]
        return kind, part["join_type"], of(part["left"]), of(part["right"])

    return of(tree.parse(sql)["from_table"])


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        (form, first, second)
        for form in ("a {0} b {2} {1} c {3}", "a {0} (b {1} c {3}) {2}")
        for first, second in itertools.product(JOINS, JOINS)
        if second != "," or "(" not in form  # no comma stands in brackets
    ],
)
def test_joins_are_written_as_they_are(form: str, first: str, second: str) -> None:
    sql = f"SELECT * FROM {form.format(first, second, JOINS[first], JOINS[second])}"
    try:
        written = tree.written(tree.parse(sql))
    except InvalidInputError:
        assert LINE15
        assert "(" in form
        assert first in ("NATURAL JOIN", "POSITIONAL JOIN")
        return
    assert _shape(written) == _shape(sql)


@pytest.mark.parametrize("number", ["1e3", "-2.5e0", "1e-7", "1e22", "1.50", "7", "12345678901234567890"])
def test_numbers_keep_their_types(number: str) -> None:
    sql = tree.written(tree.parse(f"SELECT {number} AS x"))
    assert duckdb.sql(sql).types == duckdb.sql(f"SELECT {number} AS x").types
    assert duckdb.sql(sql).fetchall() == duckdb.sql(f"SELECT {number} AS x").fetchall()
