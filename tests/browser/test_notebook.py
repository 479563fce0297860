"""A notebook in the real JupyterLab: `%load_ext space_sql`, a `%%sql` table with pictures, and a plot."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterlab", reason="needs JupyterLab; run `make test-browser`")
pytest.importorskip("playwright.sync_api", reason="needs playwright; run `make test-browser`")

from tests.browser.boxes import EXPORTS
from tests.browser.conftest import PATIENCE

ROOT = Path(__file__).parents[2]
CELLS = (
    "%load_ext space_sql",
    """%%sql
SELECT dataset, operation, rows_inserted
FROM space_import_label_studio('boxes', 'export.json', media => 'image', media_root => 'images')""",
    """%%sql
SELECT task_id, image, list(DISTINCT label ORDER BY label) AS labels, count(*) AS boxes
FROM 'boxes/tasks' JOIN 'boxes/regions' USING (task_id)
WHERE kind = 'rectanglelabels'
GROUP BY ALL ORDER BY boxes DESC, task_id LIMIT 3""",
    """%%sql
CREATE VIEW drawn AS FROM 'boxes/regions' WHERE kind = 'rectanglelabels';
SELECT count(*) AS boxes, count(DISTINCT annotator) AS people FROM drawn""",
    "%sqlplot bar --table drawn --column label --show-numbers",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab as users start it, in a folder with an export, its pictures and a notebook without output."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "work"
    shutil.copytree(EXPORTS / "images", folder / "images")
    shutil.copyfile(EXPORTS / "v2.json", folder / "export.json")
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for i, source in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "boxes.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    options = ("--no-browser", "--allow-root", f"--port={port}", "--port-retries=0", f"--ServerApp.root_dir={folder}")
    settings = home / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    environment |= {f"JUPYTER_{what}_DIR": str(home / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    environment |= {"IPYTHONDIR": str(home / "ipython"), "MPLCONFIGDIR": str(home / "matplotlib")}
    log = home / "lab.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, "--IdentityProvider.token="],
            env=environment,
            stdout=written,
            stderr=written,
        ) as server,
    ):
        try:
            _wait(server, f"http://127.0.0.1:{port}/api", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-3000:]}")


def test_a_notebook_shows_pictures_and_plots(browser: Any, lab: str, shoot: Callable[[Any, str], None]) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 1560}, base_url=lab)
    page.set_default_timeout(PATIENCE)
    page.goto("/doc/tree/boxes.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
    page.click(".lm-MenuBar-item >> text=Run")
    page.click(".lm-Menu-itemLabel >> text=Run All Cells")
    page.wait_for_selector(".jp-OutputArea-output td img")
    page.wait_for_selector(".jp-RenderedImage img")
    page.wait_for_function(_LOADED)
    assert page.locator(".jp-OutputArea-output [data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator("td img").count() == 3
    for told in ("tasks", "115", "annotations", "regions"):
        assert told in page.locator(".jp-OutputArea-output table").nth(0).inner_text()
    page.evaluate("() => document.querySelector('.jp-WindowedPanel-outer')?.scrollTo(0, 0)")
    page.keyboard.press("Escape")
    shoot(page, "notebook")
    page.close()


_LOADED = """() => {
  const pictures = [...document.querySelectorAll('td img, .jp-RenderedImage img')]
  return pictures.length === 4 && pictures.every((picture) => picture.complete && picture.naturalWidth > 0)
}"""
