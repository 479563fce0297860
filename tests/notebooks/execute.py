"""Running notebooks: `python -m tests.notebooks.execute` runs all of them and keeps their output."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import nbclient
import nbformat
from nbformat import NotebookNode

from tests.notebooks.kernels import forked

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MODELS = ("torch", "sklearn", "PIL")
"""What notebooks that train a model need: the extra `training`."""
_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PLOOMBER_STATS_ENABLED": "false"}
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook as it is after running it in a folder, without what differs from run to run."""
    with forked(), mock.patch.dict(os.environ, _ENVIRONMENT):
        nbclient.NotebookClient(
            notebook, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(folder)}}
        ).execute()
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # what libraries log on their first run is no part of it
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def trains(path: Path) -> bool:
    """Whether a notebook trains a model."""
    return "import torch" in path.read_text(encoding="utf-8")


def runs(path: Path) -> bool:
    """Whether what a notebook needs is installed."""
    return not trains(path) or all(find_spec(name) for name in MODELS)


def executed(path: Path, folder: Path) -> NotebookNode:
    """A notebook run in a copy of its place in the checkout, so that nothing is left behind there."""
    place = folder / "notebooks"
    place.mkdir()
    (folder / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
    return execute(nbformat.read(path, as_version=4), place)


if __name__ == "__main__":
    for path in filter(runs, NOTEBOOKS):
        with TemporaryDirectory() as folder:
            nbformat.write(executed(path, Path(folder)), path)
