"""``%load_ext space_sql`` in a real kernel: statements, data frames of the notebook, pictures, plots, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sql", reason="jupysql is not installed")
pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("PIL", reason="pillow is not installed")

from nbformat.v4 import new_code_cell, new_notebook

from tests.notebooks.execute import execute

FRAME = """
import io
import pandas as pd
from PIL import Image

def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()

frame = pd.DataFrame({"id": [1, 2, 3], "label": ["a", "b", "a"], "image": [png("red"), b"no picture", None]})
"""
CELLS = {
    "load": "%load_ext space_sql",
    "frame": FRAME,
    "create": "%%sql\nCALL space_create('ds', primary_keys => ['id'], source => 'frame', record_fields => ['image'])",
    "insert": "%%sql\nINSERT INTO 'ds' SELECT id + 10 AS id, label FROM frame",
    "join": "%%sql\nSELECT count(*) AS n FROM 'ds' JOIN frame USING (label)",
    "version": "%%sql\nSELECT id, image FROM 'ds' AT (VERSION => '0') ORDER BY id",
    "view": "%%sql\nCREATE MATERIALIZED VIEW 'mv' AS SELECT label, count(*) AS n FROM 'ds' GROUP BY label",
    "refresh": "%%sql\nDELETE FROM 'ds' WHERE id > 10;\nREFRESH MATERIALIZED VIEW 'mv'",
    "read view": "%%sql\nSELECT * FROM 'mv' ORDER BY label",
    "wrong": "try:\n    get_ipython().run_cell_magic('sql', '', \"SELECT * FROM 'ds' AT (VERSION => 'v9')\")\n"
    "except Exception as error:\n    print(error)",
    "save": "%%sql --save numbers\nSELECT id FROM 'ds'",
    "plot": "axes = %sqlplot histogram --table numbers --column id --bins 3\nprint(len(axes.patches), 'bars')",
    "local": "def local():\n    inside = pd.DataFrame({'id': [7]})\n    return _space_connection.execute('FROM inside')"
    ".fetchall()\nprint(local())",
    "again": "%reload_ext space_sql",
    "still": "%sql SELECT count(*) AS n FROM 'ds'",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS.values()])
    done = execute(notebook, tmp_path_factory.mktemp("kernel"))
    return {name: json.dumps(cell.outputs) for name, cell in zip(CELLS, done.cells, strict=True)}


def test_writes_tell_what_they_did(outputs: dict[str, str]) -> None:
    assert "<td>create</td>" in outputs["create"]
    assert "<td>insert</td>" in outputs["insert"]
    assert "<td>materialize</td>" in outputs["view"]
    assert "<td>incremental</td>" in outputs["refresh"]
    assert "<td>a</td>" in outputs["read view"]


def test_data_frames_of_the_notebook_are_tables(outputs: dict[str, str]) -> None:
    assert "<td>10</td>" in outputs["join"]
    assert "[(7,)]" in outputs["local"]


def test_pictures_are_shown_and_other_bytes_are_told(outputs: dict[str, str]) -> None:
    assert outputs["version"].count("data:image/png;base64,") == 1
    assert "binary, 10 bytes" in outputs["version"]
    assert "<td>None</td>" in outputs["version"]


def test_an_error_is_one_line_that_helps(outputs: dict[str, str]) -> None:
    assert "not-found: no version" in outputs["wrong"]
    assert "Traceback" not in outputs["wrong"]


def test_plots_work_on_datasets(outputs: dict[str, str]) -> None:
    assert "image/png" in outputs["plot"]
    assert "3 bars" in outputs["plot"]


def test_loading_again_keeps_the_connection(outputs: dict[str, str]) -> None:
    assert "<td>3</td>" in outputs["still"]


def test_jupysql_alone_takes_the_url(tmp_path: Path) -> None:
    pytest.importorskip("duckdb_engine", reason="pip install 'space-sql[sqlalchemy]'")
    rows = "source => 'SELECT range AS id, range % 3 AS b FROM range(10)'"
    cells = [
        f"import space_sql\nwith space_sql.connect() as con:\n"
        f"    con.execute(\"CALL space_create('all/ds', primary_keys => ['id'], {rows})\")",
        "from sqlalchemy.dialects import registry\n"
        "registry.register('space', 'space_sql.hosts.sqlalchemy', 'SpaceDialect')\n%load_ext sql\n%sql space:///all",
        "%sql SELECT b, count(*) AS n FROM ds GROUP BY b ORDER BY b",
        "axes = %sqlplot histogram --table ds --column id --bins 3\nprint(len(axes.patches), 'bars')",
    ]
    done = execute(new_notebook(cells=[new_code_cell(cell) for cell in cells]), tmp_path)
    assert "<td>4</td>" in json.dumps(done.cells[2].outputs)
    assert "3 bars" in json.dumps(done.cells[3].outputs)


def test_a_bounded_number_of_pictures(tmp_path: Path) -> None:
    from space_sql.hosts.notebook import PICTURES, shown

    class Config:
        displaylimit = 0

    class Result:
        _config = Config()
        _results = tuple((number, b"\x89PNG\r\n\x1a\n" + bytes([number])) for number in range(PICTURES + 5))

        def _repr_html_(self) -> str:
            import html

            return "".join(f"<td>{n}</td><td>{html.escape(str(value))}</td>" for n, value in self._results)

    text = shown(Result())
    assert text.count("<img ") == PICTURES
    assert text.count("png, 9 bytes") == 5
