"""A reader written from docs/format.md alone reads what SQL wrote, and finds the same rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import space_sql
from tests.unit.format_reader import Reader, parse, stored

LABEL_STUDIO = Path(__file__).parent.parent / "data" / "label_studio"


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET VARIABLE space_sync = false")
        yield con


def run(con: duckdb.DuckDBPyConnection, *statements: str) -> None:
    for statement in statements:
        con.execute(statement).fetchall()


def scanned(con: duckdb.DuckDBPyConnection, reader: Reader, version: str) -> list[tuple[Any, ...]]:
    """The rows that space_scan gives, with values as they are stored."""
    columns = reader.state(reader.resolve(version))[0]["columns"]
    types = [parse(column["type"]) for column in columns]
    names = ['"' + column["name"].replace('"', '""') + '"' for column in columns]
    items = ", ".join(f"CAST({name} AS {stored(type_)})" for name, type_ in zip(names, types, strict=True))
    rows = con.execute(f"SELECT {items} FROM space_scan('ds', version => ?)", [version]).fetchall()
    return [tuple(plain(value, type_) for value, type_ in zip(row, types, strict=True)) for row in rows]


def plain(value: Any, type_: Any) -> Any:
    """A value in the form that the reader gives it: maps as lists of pairs, lists as lists."""
    match value, type_:
        case None, _:
            return None
        case _, ("[]", element):
            return [plain(v, element) for v in value]
        case _, ("MAP", key, item):
            return [(plain(k, key), plain(v, item)) for k, v in value.items()]
        case _, ("STRUCT", fields):
            return {name: plain(value[name], field) for name, field in fields.items()}
        case _, "TIMESTAMP WITH TIME ZONE":
            return value.astimezone(dt.UTC)
    return value


def same_at(con: duckdb.DuckDBPyConnection, *versions: str) -> None:
    reader = Reader(Path("ds"))
    for version in versions:
        mine, theirs = sorted(map(repr, reader.rows(version))), sorted(map(repr, scanned(con, reader, version)))
        assert mine == theirs, f"version {version}"


def test_forgotten_rows_are_left_out(con: duckdb.DuckDBPyConnection) -> None:
    run(
        con,
        "CALL space_create('ds', source => 'SELECT range AS id, ''l'' || range AS label, (''r'' || range)::BLOB AS r "
        "FROM range(10)', primary_keys => ['id'], record_fields => ['r'])",
        "CALL space_tag('ds', 'v1')",
        "CALL space_update('ds', 'label = ''u''', 'id % 3 = 0')",
        "CALL space_delete('ds', 'id > 7')",
        *(f"CALL space_upsert('ds', 'SELECT {i % 9} AS id, ''{i}'' AS label')" for i in range(40)),
        "CALL space_forget('ds', 'id IN (3, 4, 8)')",
        "CALL space_forget('ds', 'label = ''u''')",
        "CALL space_restore('ds', 'v1')",
        "CALL space_append('ds', 'SELECT 3 AS id')",
    )
    same_at(con, "0", "2", "3", "20", "40", "main", "v1", "main~1")


def test_every_snapshot_of_a_history_of_all_writes_reads_the_same(con: duckdb.DuckDBPyConnection) -> None:
    run(
        con,
        "CALL space_create('ds', source => 'SELECT range AS id, ''l'' || range AS label FROM range(10)',"
        " primary_keys => ['id'])",
        "CALL space_append('ds', 'SELECT range AS id FROM range(10, 20)')",
        "CALL space_delete('ds', 'id % 5 = 0')",
        "CALL space_update('ds', 'label = ''u''', 'id % 3 = 0')",
        "CALL space_upsert('ds', 'SELECT range AS id, ''up'' AS label FROM range(18, 24)')",
        "CALL space_tag('ds', 'v1')",
        "CALL space_branch('ds', 'dev', version => '2')",
        "CALL space_insert('ds', 'SELECT 100 AS id', branch => 'dev')",
        "CALL space_overwrite('ds', 'SELECT 7 AS id, ''only'' AS label')",
        "CALL space_restore('ds', 'v1')",
        "CALL space_drop_tag('ds', 'v1')",
        "CALL space_tag('ds', 'v2', version => 'dev')",
    )
    same_at(con, *map(str, range(12)), "main", "dev", "v2", "main~2", "dev~1")
    refs = Reader(Path("ds")).refs()
    assert con.execute("SELECT name, snapshot_id FROM space_refs('ds') WHERE type = 'branch'").fetchall() == sorted(
        refs["branch"].items()
    )
    assert con.execute("SELECT name, snapshot_id FROM space_refs('ds') WHERE type = 'tag'").fetchall() == sorted(
        refs["tag"].items()
    )


def test_changed_schemas_read_the_same_at_every_snapshot(con: duckdb.DuckDBPyConnection) -> None:
    run(
        con,
        "CALL space_create('ds', source => 'SELECT 1::INTEGER AS id, ''a'' AS label, 5::TINYINT AS n,"
        " {''x'': 1, ''y'': NULL} AS s, NULL AS later, NULL::JSON AS j, DATE ''2024-01-01'' AS d,"
        " [1, 2]::INTEGER[2] AS l', primary_keys => ['id'])",
        "CALL space_rename_column('ds', 'label', 'two \"words\"')",
        "CALL space_append('ds', 'SELECT 5000000000 AS id, 300 AS n, {''x'': 2.5::DOUBLE, ''z'': [''new'']} AS s,"
        " true AS later, {''deep'': 1} AS j, TIMESTAMP ''2024-01-01 12:00:00'' AS d', evolve => true)",
        "CALL space_drop_column('ds', 'n')",
        "CALL space_add_column('ds', 'n VARCHAR')",
        "CALL space_append('ds', 'SELECT 3 AS id, ''text'' AS n, {''y'': 7} AS s')",
    )
    same_at(con, *map(str, range(6)))


def test_records_read_the_same_at_every_snapshot(con: duckdb.DuckDBPyConnection) -> None:
    run(
        con,
        "CALL space_create('ds', source => 'SELECT range AS id, repeat(''i'', range::INT)::BLOB AS image,"
        " CASE WHEN range <> 2 THEN ''é'' || range END AS text, ''l'' AS label FROM range(8)',"
        " primary_keys => ['id'], record_fields => ['image', 'text'])",
        "CALL space_update('ds', $$label = 'm'$$, 'id < 3')",
        "CALL space_update('ds', 'image = NULL', 'id = 4')",
        "CALL space_upsert('ds', $$SELECT 5 AS id, 'new'::BLOB AS image UNION ALL SELECT 20, ''$$)",
        "CALL space_delete('ds', 'id = 6')",
        "CALL space_compact('ds')",
        "CALL space_drop_column('ds', 'text')",
        "CALL space_restore('ds', '1')",
    )
    same_at(con, *map(str, range(8)))
    (file,) = Reader(Path("ds")).state(5)[1].values()
    used = sum(record["used"] for record in file["records"])
    addresses = "FROM space_scan('ds', version => '5', records => 'address')"
    assert con.execute(f"SELECT count(image) + count(text) {addresses}").fetchall() == [(used,)]


def test_a_struct_that_became_a_map_reads_the_same(con: duckdb.DuckDBPyConnection) -> None:
    run(
        con,
        "CALL space_create('ds', source => 'SELECT 1 AS id, [{''a'': 1, ''b'': NULL}, NULL] AS s',"
        " primary_keys => ['id'])",
        "CALL space_append('ds', 'SELECT 2 AS id, [MAP {''c'': 5}] AS s', evolve => true)",
        "CALL space_append('ds', 'SELECT 3 AS id, [{''d'': 6}] AS s')",
    )
    same_at(con, "0", "1", "2")


def test_every_type_reads_the_same(con: duckdb.DuckDBPyConnection) -> None:
    types = {
        "BOOLEAN": "true", "UTINYINT": "255", "BIGINT": "-9223372036854775808", "UBIGINT": "18446744073709551615",
        "HUGEINT": "'-170141183460469231731687303715884105728'", "UHUGEINT": "5", "FLOAT": "1.5", "DOUBLE": "'inf'",
        "BIGNUM": "'123456789012345678901234567890123456789012'", "DECIMAL(38,3)": "'12345678901234567890.125'",
        "VARCHAR": "'it''s' || chr(10)", "BLOB": "'\\x00\\xFF'", "BIT": "'0101'", "JSON": "'{\"a\":  1}'",
        "UUID": "'80000000-0000-4000-8000-000000000000'", "ENUM('a', 'b, ]')": "'b, ]'", "DATE": "'0001-01-02'",
        "TIME": "'23:59:59.999999'", "TIMESTAMP": "'1969-12-31 23:59:59.5'", "TIMESTAMP_S": "'2024-01-01 01:02:03'",
        "TIMESTAMP_MS": "'2024-01-01 01:02:03.5'", "TIMESTAMPTZ": "'2024-01-01 01:02:03.5+02'",
        "TIMETZ": "'12:00:00+05:45'", "INTERVAL": "'1 month 2 days 03:04:05.000006'",
        "STRUCT(\"a b\" HUGEINT[], \"c\"\"d\" MAP(DATE, TIMETZ))[]":
            "[{'a b': [1, NULL], 'c\"d': MAP {'2024-01-01': '12:00:00+05:45'}}, NULL]",
        "MAP(VARCHAR, STRUCT(e ENUM('x', 'y')))": "MAP {'k': {'e': 'y'}, 'l': NULL}", "DOUBLE[2][]": "[[1, 2]]",
    }  # fmt: skip
    columns = ", ".join(f"c{i} {type_}" for i, type_ in enumerate(types))
    values = ", ".join(f"CAST({value} AS {type_}) AS c{i}" for i, (type_, value) in enumerate(types.items()))
    run(
        con,
        f"CREATE TABLE t AS SELECT 1 AS id, {values}",
        f"CALL space_create('ds', columns => $${'id INTEGER, ' + columns}$$, primary_keys => ['id'])",
        "CALL space_append('ds', 't')",
        "CALL space_append('ds', 'SELECT 2 AS id')",
    )
    same_at(con, "1", "2")


def test_many_small_commits_with_merged_files_and_checkpoints_read_the_same(con: duckdb.DuckDBPyConnection) -> None:
    run(con, "CALL space_create('ds', source => 'SELECT range AS id FROM range(20000)', primary_keys => ['id'])")
    for i in range(1, 34):
        run(con, f"CALL space_append('ds', 'SELECT 100000 + {i} * 10 + range AS id FROM range(10)')")
        run(con, f"CALL space_delete('ds', 'id % 97 = {i}')")
    run(
        con,
        "CALL space_branch('ds', 'dev', version => '40')",
        "CALL space_append('ds', 'SELECT 9999 AS id', branch => 'dev')",
    )
    same_at(con, *map(str, range(0, 69, 4)), "main", "dev")
    reader = Reader(Path("ds"))
    assert any("rewrites" in entry for entry in reader.entries), "files were merged"
    assert any("deletes_merged" in entry for entry in reader.entries), "files of deleted positions were merged"
    for at in (32, 64):
        check_checkpoint(reader, at)


def check_checkpoint(reader: Reader, at: int) -> None:
    """A checkpoint says what the log says."""
    found = reader.checkpoint(at)
    refs = reader.refs(at)
    ((id_, _, meta),) = found["meta"]
    assert (id_, meta["branches"], meta["tags"]) == (at, refs["branch"], refs["tag"])
    assert meta["time"] == reader.entries[at]["time"]
    assert {head for head, _, _ in found["head"]} == set(refs["branch"].values())
    for head, _, schema in found["head"]:
        expected_schema, files = reader.state(head)
        assert schema == expected_schema
        here = {number: file for number, heads, file in found["file"] if head in heads}
        assert here.keys() == files.keys()
        for number, file in files.items():
            paths = {d["path"] for d in file.get("deletes", ())}
            assert {d["path"] for d in here[number].get("deletes", ())} == paths
    members = ("snapshot_id", "parent_id", "branch", "time", "operation", "rows_inserted", "commit_key")
    assert [{m: h[m] for m in members} for _, _, h in found["history"]] == [
        {m: reader.entries[i][m] for m in members} for i in range(at - 31, at + 1)
    ]


@pytest.mark.parametrize("project", ["boxes", "text"])
def test_raw_label_studio_exports_read_the_same(con: duckdb.DuckDBPyConnection, project: str) -> None:
    first, second = (f"FROM read_json(''{LABEL_STUDIO}/{project}/{name}.json'')" for name in ("v1", "v2"))
    run(
        con,
        f"CALL space_create('ds', source => '{first}', primary_keys => ['id'])",
        f"CALL space_upsert('ds', '{second}', evolve => true)",
        "CALL space_delete('ds', 'id % 7 = 0')",
    )
    same_at(con, "0", "1", "2")


def test_the_reader_uses_none_of_our_code() -> None:
    text = (Path(__file__).parent / "format_reader.py").read_text(encoding="utf-8")
    assert "space_sql" not in text
