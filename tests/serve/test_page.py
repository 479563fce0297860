"""What the page asks for, as JSON and Arrow, and that nobody gets more than that out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import space_sql

pytest.importorskip("starlette", reason="needs the serve extra")
pytest.importorskip("httpx2", reason="asks the page")

from starlette.testclient import TestClient

from space_sql.serve import make_app

PNG = b"\x89PNG\r\n\x1a\n" + b"not really a picture"
LOCAL = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("outer")
    (here / "secret.csv").write_text("word\nhunter2\n")
    root = here / "served"
    root.mkdir()
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        path = str(root / "ds")
        con.execute(
            "CALL space_create($p, primary_keys => ['id'], record_fields => ['image'], source => "
            "'SELECT range AS id, ''label '' || range % 3 AS label, range / 7 AS score, $png::BLOB AS image, "
            "DATE ''2026-01-01'' + range::INTEGER AS day FROM range(50)')".replace(
                "$png", "''" + "".join(f"\\x{b:02X}" for b in PNG) + "''"
            ),
            {"p": path},
        )
        con.execute("CALL space_tag($p, 'v1')", {"p": path})
        con.execute("CALL space_update($p, 'label = ''new''', 'id < 3', author => 'ana')", {"p": path})
        con.execute("CALL space_delete($p, 'id = 40')", {"p": path})
        con.execute(
            "CALL space_create($p, source => 'SELECT 1 AS id', primary_keys => ['id'])", {"p": str(root / "a/b")}
        )
        con.execute(
            "CALL space_create($p, source => 'SELECT 1 AS id', primary_keys => ['id'])", {"p": str(here / "out")}
        )
    (root / "broken/log").mkdir(parents=True)
    (root / "broken/space.json").write_text("{")
    return root


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(folder, seconds=5), base_url=LOCAL) as client:
        yield client


def get(client: TestClient, what: str, **asked: Any) -> Any:
    answer = client.get(f"/api/{what}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sql(client: TestClient, text: str, status: int = 200) -> Any:
    answer = client.post("/api/sql", json={"sql": text})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_every_dataset_is_listed_and_a_broken_one_says_why(client: TestClient) -> None:
    found = {row["name"]: row for row in get(client, "datasets")["datasets"]}
    assert list(found) == ["a/b", "broken", "ds"]
    assert found["ds"]["row_count"] == 49
    assert found["broken"]["problem"].startswith("format: ")


def test_a_dataset_has_columns_refs_and_history(client: TestClient) -> None:
    told = get(client, "dataset", name="ds", version="v1")
    assert told["row_count"] == 50
    assert [(c["name"], c["kind"]) for c in told["columns"]][:4] == [
        ("id", "number"),
        ("label", "text"),
        ("score", "number"),
        ("image", "record"),
    ]
    assert told["tags"] == {"v1": 0}
    assert [s["operation"] for s in told["snapshots"]] == ["delete", "update", "tag", "create"]


def test_rows_come_in_pages_filtered_and_ordered(client: TestClient) -> None:
    page = get(client, "rows", name="ds", where="label = 'label 1'", order="id", descending="true", limit=2)
    assert [row[0] for row in page["rows"]] == ["49", "46"]
    assert page["more"]
    assert page["count"] == 15
    assert client.get("/api/rows", params={"name": "ds", "where": "true) OR (nope"}).status_code == 400


def test_a_record_is_a_picture_and_nothing_else_is(client: TestClient) -> None:
    import json

    row = get(client, "rows", name="ds", limit=1)["rows"][0]
    answer = client.get("/api/record", params={"name": "ds", **json.loads(row[3])})
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    outside = {"name": "ds", "file": "../../secret.csv", "row": 0, "bytes": 5}
    assert client.get("/api/record", params=outside).status_code == 400


def test_statistics_count_every_row(client: TestClient) -> None:
    score = get(client, "column", name="ds", column="score")
    assert (score["count"], score["nulls"]) == (49, 0)
    assert sum(b["count"] for b in score["bins"]) == 49
    label = get(client, "column", name="ds", column="label", version="v1")
    assert [(t["value"], t["count"]) for t in label["top"]] == [("label 0", 17), ("label 1", 17), ("label 2", 16)]
    assert get(client, "column", name="ds", column="image")["min"] == str(len(PNG))
    assert sum(b["count"] for b in get(client, "column", name="ds", column="day")["bins"]) == 49


def test_a_difference_says_which_cells_changed(client: TestClient) -> None:
    told = get(client, "diff", name="ds", **{"from": "v1", "to": "main"})
    assert told["counts"] == {"added": 0, "modified": 3, "removed": 1}
    assert [(row["type"], row["changed"]) for row in told["rows"]] == [("modified", [1])] * 3 + [("removed", [])]
    assert told["rows"][0]["before"][1] == "label 0"
    assert told["rows"][0]["after"][1] == "new"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM ds",
        'FROM "a/b"',
        "FROM space_scan('ds', version => 'v1') SELECT count(*)",
        "SELECT operation FROM space_snapshots('ds') -- newest first",
        "SELECT diff_type, count(*) FROM space_diff('ds', 'v1', 'main') GROUP BY ALL;",
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 5) FROM t",
        "DESCRIBE ds",
        "SUMMARIZE ds",
        "SELECT octet_length(image) FROM space_scan('ds') LIMIT 1",
    ],
)
def test_statements_that_read_work(client: TestClient, text: str) -> None:
    assert sql(client, text)["rows"]


def test_arrow_keeps_types_and_says_when_there_is_more(client: TestClient) -> None:
    answer = client.get("/api/sql", params={"sql": "SELECT id, day FROM ds", "format": "arrow", "limit": 10})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert (table.num_rows, table.schema.field("day").type) == (10, pa.date32())
    assert answer.headers["space-more"] == "true"


HOSTILE = [
    "SELECT * FROM read_text('/etc/passwd')",
    "FROM read_csv('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM '{outer}/secret.csv'",
    "FROM read_text('{root}/ds/space.json')",
    "FROM glob('/etc/*')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "FROM query_table('ds')",
    "COPY (SELECT 1) TO '{root}/x.csv'",
    "COPY ds TO '{root}/x.parquet'",
    "WITH a AS (COPY (SELECT 1) TO '{root}/x.csv') SELECT * FROM a",
    "SELECT * FROM (WITH a AS (COPY (SELECT 1) TO '{root}/x.csv') FROM a)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/x.csv'",
    "EXPORT DATABASE '{root}/x'",
    "ATTACH '{root}/x.duckdb' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{root}/x.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET ALL",
    "PRAGMA database_list",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE MACRO space_scan(p) AS TABLE SELECT 1",
    "DROP VIEW ds",
    "INSERT INTO ds SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT $1",
    "CALL space_append('ds', 'SELECT 1 AS id')",
    "FROM space_append('ds', 'SELECT 1 AS id')",
    "SELECT * FROM space_delete('ds', 'true')",
    "FROM space_publish('.', 'x.duckdb')",
    "SELECT _space_apply('space_delete', '', '{{}}')",
    "SELECT _space_read('space_scan', '', '{{}}')",
    "SELECT _space_record('{outer}/out', 'x', 0, 1)",
    "FROM space_scan('{outer}/out')",
    "FROM space_scan('../out')",
    "FROM space_scan('/etc')",
    "FROM space_datasets('{outer}')",
    "FROM space_datasets('..')",
    "SELECT space_record('../out', {{file: 'x', row: 0, bytes: 1}})",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM python_map_function(1)",
    "FROM json_execute_serialized_sql('x')",
    "SELECT * FROM duckdb_secrets()",
    "FROM sniff_csv('/etc/passwd')",
    "FROM parquet_metadata('{outer}/x.parquet')",
    "FROM sqlite_scan('{outer}/x', 't')",
    "FROM folder",
    "",
    "not sql",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_statement_gets_nothing(client: TestClient, folder: Path, text: str) -> None:
    before = sorted(str(p) for p in folder.parent.rglob("*"))
    answer = client.post("/api/sql", json={"sql": text.format(root=folder, outer=folder.parent)})
    assert answer.status_code in (400, 404), answer.text
    assert "root:" not in answer.text
    assert "hunter2" not in answer.text
    assert "internal" not in answer.json()["error"]
    assert sorted(str(p) for p in folder.parent.rglob("*")) == before
    assert get(client, "datasets")["datasets"][2]["row_count"] == 49


@pytest.mark.parametrize(
    "where", ["id IN (SELECT 1 FROM read_text('/etc/passwd'))", "true) UNION (FROM read_text('/etc/passwd')"]
)
def test_a_filter_is_judged_too(client: TestClient, where: str) -> None:
    assert client.get("/api/rows", params={"name": "ds", "where": where}).status_code == 400


def test_settings_hold_even_where_the_judge_is_passed_by(folder: Path) -> None:
    import duckdb

    from space_sql.hosts.sandbox import Sandbox

    with Sandbox(folder).cursor() as con:
        for text in (
            "FROM read_text('/etc/passwd')",
            f"FROM '{folder.parent}/secret.csv'",
            f"FROM read_text('{folder}/../secret.csv')",
            f"COPY (SELECT 1) TO '{folder.parent}/x.csv'",
            f"ATTACH '{folder.parent}/x.duckdb' AS x",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(text).fetchall()
    assert not (folder.parent / "x.csv").exists()


def test_a_statement_that_takes_too_long_is_stopped(folder: Path) -> None:
    with TestClient(make_app(folder, seconds=0.3), base_url=LOCAL) as client:
        told = sql(client, "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE a.range % 7 = b.range", 400)
    assert "took longer than 0.3 s" in told["error"]


def test_rows_are_limited_and_said_to_be(client: TestClient) -> None:
    told = sql(client, "FROM range(5000)")
    assert (len(told["rows"]), told["more"]) == (1000, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8765"}, 200),
        ({"Host": "[::1]:8765"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8765"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://127.0.0.1:8765"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ],
)
def test_only_the_page_itself_may_ask(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.get("/api/datasets", headers=headers).status_code == status


def test_a_new_column_shows_in_statements(client: TestClient, folder: Path) -> None:
    path = str(folder / "a/b")
    with space_sql.connect() as con:
        con.execute("CALL space_add_column($p, 'note VARCHAR')", {"p": path})
    assert [c["name"] for c in sql(client, 'FROM "a/b"')["columns"]] == ["id", "note"]


def test_files_of_the_page_are_there_and_no_others(client: TestClient) -> None:
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]
    assert client.get("/page/../app.py").status_code == 404
    assert client.get("/page/%2e%2e/app.py").status_code == 404
