"""The page in a real browser: `make test-browser`. With SPACE_SQL_SCREENSHOTS=1 it writes those of the docs anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.animals import make
from tests.browser.conftest import PATIENCE

pytest.importorskip("playwright.sync_api", reason="needs playwright; run `make test-browser`")
ROOT = Path(__file__).parents[2]
Shoot = Callable[[Any, str], None]
COUNTS = "SELECT label, count(*) AS n, avg(score) AS score FROM animals GROUP BY ALL ORDER BY n DESC"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as users start it."""
    folder = tmp_path_factory.mktemp("served") / "datasets"
    folder.mkdir()
    make(folder)
    command = [sys.executable, "-m", "space_sql.cli", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "500"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+/", server.stdout.readline())
        assert found
        yield found[0]
        server.terminate()


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """A page that reaches nothing but the server, and complains of nothing."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=url)
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith((url, "data:")) else None)
    yield page
    page.close()
    assert not complaints


def test_all_datasets_are_listed_and_can_be_found(page: Any) -> None:
    page.goto("/")
    page.wait_for_selector(".tile >> text=animals")
    assert page.locator(".tile").count() == 4
    page.keyboard.press("/")
    page.keyboard.type("per_d")
    assert page.locator("#list a").all_inner_texts() == ["labels/per_day\n60"]
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=labels/per_day")


def test_rows_show_pictures_and_can_be_filtered_and_ordered(page: Any, shoot: Shoot) -> None:
    page.goto("/#/d/animals/rows")
    page.wait_for_selector("td img")
    page.wait_for_function("() => document.querySelector('td img').naturalWidth === 48")
    shoot(page, "rows")
    page.keyboard.press("f")
    page.keyboard.type("label = 'owl' AND score < 0.9")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => [...document.querySelectorAll('tbody tr')].every((r) => r.cells[1].textContent === 'owl')"
    )
    page.wait_for_selector("tbody tr")
    page.click("th button >> text=score")
    page.wait_for_selector("th >> text=score ↑")
    assert set(page.locator("tbody td:nth-child(2)").all_inner_texts()) == {"owl"}
    scores = [float(text) for text in page.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert scores == sorted(scores)


def test_a_picture_opens_large(page: Any) -> None:
    page.goto("/#/d/animals/rows")
    page.click("td img >> nth=0")
    page.wait_for_selector("dialog[open] img")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open] img", state="detached")


def test_columns_have_histograms(page: Any, shoot: Shoot) -> None:
    page.goto("/#/d/animals/columns")
    page.wait_for_selector(".column:last-child dd")
    assert page.locator(".column svg").count() >= 4
    assert "confidence of the first annotator" in page.inner_text("main")
    shoot(page, "columns")


def test_history_is_a_graph_and_leads_to_differences(page: Any, shoot: Shoot) -> None:
    page.goto("/#/d/animals/history")
    page.wait_for_selector(".graph circle")
    assert page.locator(".graph .lane1").count() >= 4
    shoot(page, "history")
    page.keyboard.press("j")
    page.click(".row >> text=night shift")
    page.wait_for_selector(".pill >> text=12 added")


def test_a_difference_marks_changed_cells(page: Any, shoot: Shoot) -> None:
    page.goto("/#/d/animals/diff?from=v1&to=main")
    page.wait_for_selector("td.changed")
    assert page.locator("td.changed ins").first.inner_text() == "checked"
    shoot(page, "diff")
    page.select_option("#to", "v1")
    page.wait_for_selector("text=The same rows.")


def test_a_statement_gives_rows_and_a_chart(page: Any, shoot: Shoot) -> None:
    page.goto(f"/#/d/animals/sql?q={quote(COUNTS)}")
    page.wait_for_selector(".chart rect")
    assert page.locator(".chart rect").count() == 6
    shoot(page, "sql")
    page.fill("#sql", 'FROM "labels/per_day"')
    page.press("#sql", "Control+Enter")
    page.wait_for_selector(".chart polyline")


def test_keys_lead_everywhere(page: Any) -> None:
    page.goto("/#/d/animals/rows")
    page.wait_for_selector("td")
    for key, place in (("2", "columns"), ("3", "history"), ("4", "diff"), ("5", "sql")):
        page.keyboard.press(key)
        page.wait_for_selector(f".tabs a[aria-current][href*='/{place}']")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open] >> text=choose a version")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    page.wait_for_selector(".tile")


def test_names_and_values_are_text_whatever_they_hold(page: Any) -> None:
    page.goto(f"/#/d/{quote('<b>' + chr(34) + 'awkward' + chr(34) + '</b>', safe='')}/rows")
    page.wait_for_selector("td >> text=onerror")
    assert page.locator("td img, h1 b, th i").count() == 0
    assert page.inner_text("h1") == '<b>"awkward"</b>'
    for tab in ("columns", "diff", "sql"):
        page.click(f".tabs a[href*='/{tab}']")
        page.wait_for_selector(f".tabs a[aria-current][href*='/{tab}']")
        assert page.locator("main img, main b b").count() == 0


def test_dark_is_as_good_as_light(browser: Any, url: str, shoot: Shoot) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=url, color_scheme="dark")
    page.goto("/#/d/animals/diff?from=v1&to=main")
    page.wait_for_selector("td.changed")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(16, 17, 22)"
    shoot(page, "dark")
    page.close()
