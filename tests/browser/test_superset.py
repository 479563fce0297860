"""Apache Superset on datasets: `make test-superset`. With SPACE_SQL_SCREENSHOTS=1 it writes the docs' pictures anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("superset", reason="needs Apache Superset; run `make test-superset`")

import space_sql
from tests.browser.boxes import make
from tests.browser.conftest import PATIENCE
from tests.browser.superset import USER, Api, running

pytestmark = pytest.mark.filterwarnings("ignore")  # Superset's own
TABLES = ["annotations", "label_counts", "regions", "tasks"]
COUNTS = "SELECT label, count(*) AS n FROM regions WHERE kind = 'rectanglelabels' GROUP BY ALL ORDER BY n DESC, label"
CHANGED = """SELECT from_label AS was, to_label AS became, count(*) AS boxes
FROM space_diff('regions', 'v1', 'v2')
WHERE from_label <> to_label GROUP BY ALL ORDER BY ALL"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("superset") / "boxes"
    root.mkdir()
    make(root)
    return root


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("superset_home")) as url:
        yield url


@pytest.fixture(scope="module")
def context(browser: Any, url: str) -> Iterator[Any]:
    """A browser that has logged in."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/login/")
    page.fill("#username", USER["username"])
    page.fill("#password", USER["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def api(context: Any) -> Api:
    return Api(context)


@pytest.fixture(scope="module")
def database(api: Api, folder: Path) -> int:
    """The connection, as one makes it: a name and a URL."""
    body = {"database_name": "boxes", "sqlalchemy_uri": f"space:///{folder}", "expose_in_sqllab": True}
    return int(api.post("database/", body, 201)["id"])


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    page = context.new_page()
    yield page
    page.close()


def in_python(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What Space SQL itself answers, in the folder's own words."""
    with space_sql.connect() as con:
        for name in TABLES:
            con.execute(f"CREATE VIEW {name} AS FROM space_scan('{folder / name}')")
        found: list[tuple[Any, ...]] = con.execute(query.replace("space_diff('", f"space_diff('{folder}/")).fetchall()
        return found


def test_it_is_among_the_databases_that_superset_knows(api: Api) -> None:
    found = {d["name"]: d for d in api.get("database/available/")["databases"]}
    assert found["Space SQL"]["available_drivers"] == ["space_sql"]
    assert found["Space SQL"]["sqlalchemy_uri_placeholder"].startswith("space:///")


def test_every_dataset_and_view_is_listed_with_types_and_comments(api: Api, database: int) -> None:
    assert api.get(f"database/{database}/schemas/")["result"] == ["main"]
    listed = api.get(f"database/{database}/tables/", q="(schema_name:main)")["result"]
    assert sorted(t["value"] for t in listed) == TABLES
    told = api.get(f"database/{database}/table_metadata/", name="regions", schema="main")
    columns = {c["name"]: (c["type"], c["comment"]) for c in told["columns"]}
    assert told["comment"] == "One row per box, choice, span or text of an annotation"
    assert columns["annotation_id"] == ("BIGINT", None)
    assert columns["label"] == ("VARCHAR", "what the annotator saw")
    assert columns["width"] == ("FLOAT", "percent of the picture's width")
    assert columns["created_at"][0] == "DATETIME"
    tasks = api.get(f"database/{database}/table_metadata/", name="tasks", schema="main")["columns"]
    assert [(c["type"], c["comment"]) for c in tasks if c["name"] == "image_bytes"] == [
        ("BIGINT", "size in bytes of the record field image")
    ]


def test_sql_lab_answers_as_space_sql_does(api: Api, database: int, folder: Path) -> None:
    for query in (COUNTS, CHANGED):
        found = api.sql(database, query)
        rows = [tuple(row.values()) for row in found["data"]]
        assert rows == in_python(folder, query)
        assert rows
    short = api.sql(database, "FROM tasks SELECT count(*) AS n, '00000000-0000-0000-0000-000000000005'::UUID AS u")
    ((tasks,),) = in_python(folder, "SELECT count(*) FROM tasks")
    assert short["data"] == [{"n": tasks, "u": "00000000-0000-0000-0000-000000000005"}]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM regions", "does not allow for DDL/DML"),
        ("CALL space_delete('regions', 'true')", "this connection is read-only: CALL is not for it"),
        ("FROM space_delete('regions', 'true')", "space_delete"),
        ("SELECT * FROM read_text('/etc/passwd')", "Permission Error"),
        ("SELECT * FROM nothing", 'There is no dataset "nothing" below the folder.'),
        ("SELECT nothing FROM regions", 'There is no column "nothing".'),
    ],
)
def test_what_cannot_be_says_why(api: Api, database: int, folder: Path, statement: str, told: str) -> None:
    before = in_python(folder, "SELECT count(*) FROM regions")
    assert told in json.dumps(api.sql(database, statement, 500)["errors"], ensure_ascii=False).replace('\\"', '"')
    assert in_python(folder, "SELECT count(*) FROM regions") == before


@pytest.mark.parametrize("grain", ["PT1S", "PT1M", "PT1H", "P1D", "P1W", "P1M", "P3M", "P1Y"])
def test_times_can_be_charted_by(api: Api, dataset: int, folder: Path, grain: str) -> None:
    axis = {"timeGrain": grain, "columnType": "BASE_AXIS", "sqlExpression": "created_at", "expressionType": "SQL"}
    query = {
        "columns": [{**axis, "label": "created_at"}],
        "metrics": ["count"],
        "filters": [{"col": "created_at", "op": "TEMPORAL_RANGE", "val": "2020-01-01 : 2090-01-01"}],
    }
    body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "result_type": "full"}
    (found,) = api.post("chart/data", body, 200)["result"]
    ((rows,),) = in_python(folder, "SELECT count(*) FROM regions")
    assert sum(row["count"] for row in found["data"]) == rows


def test_tables_are_listed_and_previewed(
    page: Any, database: int, shoot: Callable[[Any, str], None], folder: Path
) -> None:
    page.goto(f"/sqllab/?dbid={database}&schema=main&sql={quote(CHANGED)}")
    page.locator("[role=treeitem]").filter(has_text="main").click()
    for name in TABLES:
        page.wait_for_selector(f"[role=treeitem] >> text={name}")
    page.click("[data-test=run-query-action]")
    page.wait_for_selector("[data-test=south-pane] >> text=nine >> nth=0")
    page.locator("[role=treeitem]").filter(has_text="regions").click()
    page.wait_for_selector("[role=treeitem] >> text=annotation_id")
    page.mouse.move(640, 220)
    shoot(page, "superset-sql")
    page.locator("[role=treeitem]").filter(has_text="regions").click()
    page.locator("[role=treeitem]").filter(has_text="tasks").hover()
    page.click("[data-test=pin-main-tasks]")
    page.wait_for_selector("[data-test=south-pane] >> text=size in bytes of the record field image")
    page.click("[data-test=south-pane] >> text=Data preview")
    page.wait_for_selector("[data-test=south-pane] >> text=/data/local-files >> nth=0")
    page.mouse.move(640, 220)
    shoot(page, "superset-preview")


@pytest.fixture(scope="module")
def dataset(api: Api, database: int) -> int:
    """Superset's dataset over one of ours."""
    found = api.post("dataset/", {"database": database, "schema": "main", "table_name": "regions"}, 201)
    columns = {c["column_name"]: c for c in api.get(f"dataset/{found['id']}")["result"]["columns"]}
    assert columns["label"]["description"] == "what the annotator saw"
    assert columns["created_at"]["is_dttm"]
    return int(found["id"])


def test_a_chart_is_drawn(page: Any, api: Api, dataset: int, shoot: Callable[[Any, str], None]) -> None:
    boxes = {"expressionType": "SIMPLE", "subject": "kind", "operator": "==", "comparator": "rectanglelabels"}
    asked = {
        "datasource": f"{dataset}__table",
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "label",
        "x_axis_sort": "count",
        "x_axis_sort_asc": False,
        "metrics": ["count"],
        "adhoc_filters": [{"clause": "WHERE", **boxes}],
        "show_value": True,
    }
    chart = api.post(
        "chart/",
        {
            "slice_name": "Boxes by label",
            "viz_type": "echarts_timeseries_bar",
            "datasource_id": dataset,
            "datasource_type": "table",
            "params": json.dumps(asked),
        },
        201,
    )["id"]
    page.goto(f"/explore/?slice_id={chart}")
    page.wait_for_selector("text=10 rows")
    page.wait_for_function(_DRAWN)
    shoot(page, "superset-chart")


def test_a_published_file_needs_nothing_of_ours(api: Api, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "catalog.duckdb"
    with space_sql.connect() as con:
        publish = f"CALL space_publish('{folder}', '{file}', versions => ['main', 'v1'])"
        con.execute(publish)
        body = {"database_name": "published", "sqlalchemy_uri": f"duckdb:///{file}?access_mode=READ_ONLY"}
        database = api.post("database/", {**body, "expose_in_sqllab": True}, 201)["id"]
        assert {"catalog.main", "catalog.v1"} <= set(api.get(f"database/{database}/schemas/")["result"])
        listed = api.get(f"database/{database}/tables/", q="(schema_name:catalog.main)")["result"]
        assert sorted(t["value"] for t in listed) == TABLES
        for _ in range(2):
            found = api.sql(database, COUNTS.replace("regions", "main.regions"))["data"]
            assert [tuple(row.values()) for row in found] == in_python(folder, COUNTS)
            con.execute(publish)  # while Superset reads it
        earlier = con.execute(f"SELECT count(*) FROM space_scan('{folder}/regions', version => 'v1')").fetchall()
        told = api.sql(database, "SELECT count(*) AS n FROM v1.regions")["data"]
        assert [tuple(row.values()) for row in told] == earlier


_DRAWN = """() => {
  const canvas = document.querySelector('.chart-container canvas, [data-test=chart-container] canvas')
  if (!canvas || document.querySelector('[data-test=loading-indicator]')) return false
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const colours = new Map()
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2]
    colours.set(colour, (colours.get(colour) ?? 0) + 1)
  }
  return [...colours.entries()].some(([c, n]) => c !== 0xffffff && n > data.length / 4 / 20)
}"""
