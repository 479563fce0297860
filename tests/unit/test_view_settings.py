"""What of a session a view depends on: tests of texts that no single DuckDB says."""

from __future__ import annotations

import pytest

from space_sql.errors import InvalidInputError
from space_sql.views.definition import Definition
from space_sql.views.settings import check_matches, kept_settings, ordinary_settings


def _other_line() -> str:
    *before, matches, last = ordinary_settings().split("|")
    return "|".join([*before, "false" if matches == "true" else "true", last])


def test_a_tilde_is_refused_where_the_lines_of_duckdb_differ() -> None:
    tilde, none = (Definition(sql, sql, ()) for sql in ("SELECT 'ab' ~ 'a' AS x", "SELECT 1 AS x"))
    check_matches(tilde, ordinary_settings())
    check_matches(none, _other_line())
    with pytest.raises(InvalidInputError, match="regexp_full_match"):
        check_matches(tilde, _other_line())


def test_the_line_of_duckdb_is_no_setting() -> None:
    assert kept_settings(ordinary_settings()) is None
    assert kept_settings(_other_line()) is None
    assert kept_settings("NOCASE" + ordinary_settings()) is not None
