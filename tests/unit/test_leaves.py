"""JSON inside of columns, and which of it a file has no value for."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space_sql.dataset.leaves import empty_leaves, json_leaves, path_text
from space_sql.format.types import parse_type
from tests.unit.duck import connect, converted

_STRUCT = pa.struct([("b", pa.string())])
NESTED = "STRUCT(a JSON, b STRUCT(c JSON[], d INTEGER)[], m MAP(VARCHAR, JSON), k MAP(JSON, INTEGER))"


def test_paths_name_fields_elements_keys_and_values() -> None:
    assert json_leaves(parse_type(NESTED), "v") == [
        ("v", "a"),
        ("v", "b", "[]", "c", "[]"),
        ("v", "m", "{}"),
        ("v", "k", "{key}"),
    ]
    assert json_leaves(parse_type("JSON"), "v") == [("v",)]
    assert json_leaves(parse_type("STRUCT(a INTEGER)"), "v") == []
    assert path_text(("v", "b", "[]", "c", "{}")) == "v.b[].c{}"


@pytest.mark.parametrize(
    ("t", "values", "empty"),
    [
        ("JSON", ["NULL", "NULL"], [("v",)]),
        ("JSON", ["NULL", "'null'"], []),
        ("JSON", ["NULL", "'\"\"'"], []),
        ("JSON[]", ["[]", "NULL", "[NULL]"], [("v", "[]")]),
        ("JSON[]", ["[]", "NULL", "[NULL, '1']"], []),
        ("STRUCT(a JSON, b JSON)", ["{'a': NULL, 'b': '1'}", "NULL"], [("v", "a")]),
        ("MAP(VARCHAR, JSON)", ["MAP {}", "MAP {'a': NULL}"], [("v", "{}")]),
        ("MAP(VARCHAR, JSON)", ["MAP {}", "MAP {'a': '1'}"], []),
        ("STRUCT(a STRUCT(b JSON)[])[]", ["[{'a': [{'b': NULL}]}]", "[{'a': NULL}]"], [("v", "[]", "a", "[]", "b")]),
    ],
)
def test_a_leaf_is_empty_when_no_value_was_written(
    tmp_path: Path, t: str, values: list[str], empty: list[tuple[str, ...]]
) -> None:
    table = converted(connect(), values * 3, t, t)
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=2)
    metadata = pq.read_metadata(tmp_path / "data.parquet")
    assert empty_leaves(metadata, [("n", parse_type("BIGINT")), ("v", parse_type(t))]) == empty


def test_without_statistics_nothing_counts_as_empty(tmp_path: Path) -> None:
    table = converted(connect(), ["NULL"], "JSON", "JSON")
    pq.write_table(table, tmp_path / "data.parquet", write_statistics=False)
    assert empty_leaves(pq.read_metadata(tmp_path / "data.parquet"), [("v", parse_type("JSON"))]) == []


def test_a_name_with_a_dot_is_not_mistaken_for_a_path(tmp_path: Path) -> None:
    table = pa.table({"a.b": ["1"], "a": [{"b": None}]}, pa.schema([("a.b", pa.string()), ("a", _STRUCT)]))
    pq.write_table(table, tmp_path / "data.parquet")
    columns = [("a.b", parse_type("JSON")), ("a", parse_type("STRUCT(b JSON)"))]
    assert empty_leaves(pq.read_metadata(tmp_path / "data.parquet"), columns) == []
