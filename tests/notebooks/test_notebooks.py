"""Every notebook runs from top to bottom and shows what is committed, on both lines of DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="needs the notebook extra")
pytest.importorskip("sql.magic", reason="needs the notebook extra")

import nbformat
from nbformat import NotebookNode

from tests.notebooks.execute import NOTEBOOKS, executed, runs, trains


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_committed(path: Path, tmp_path: Path) -> None:
    if not runs(path):
        pytest.skip("trains a model: make test-training")
    fresh, committed = shown(executed(path, tmp_path)), shown(nbformat.read(path, as_version=4))
    if trains(path):  # what a model learns depends on the processor
        fresh, committed = ([(source, len(out)) for source, out in cells] for cells in (fresh, committed))  # type: ignore[misc]
    assert fresh == committed


def shown(notebook: NotebookNode) -> list[tuple[str, list[Any]]]:
    """The source of each cell and what it puts out: of pictures only that they are there."""
    return [(cell.source, [_text(output) for output in cell.get("outputs", ())]) for cell in notebook.cells]


def _text(output: NotebookNode) -> Any:
    if "data" not in output:
        return output
    return {kind: "" if kind.startswith("image/") else data for kind, data in output.data.items()}
