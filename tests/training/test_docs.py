"""The examples of docs/training.md run, one after the other; those of missing libraries are left out."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```python\n(.*?)^```\n", re.M | re.S)
OPTIONAL = ("torch", "grain", "tensorflow", "datasets", "ray", "polars", "tensorflow_datasets", "PIL")


def needed(code: str) -> set[str]:
    """The optional libraries of an example, by what it imports."""
    names = re.findall(r"^(?:from|import) (?:space_sql\.training import )?(\w+)", code, re.M)
    return {name for name in names if name in OPTIONAL}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    namespace: dict[str, object] = {}
    ran = 0
    for code in FENCE.findall(PAGE):
        if all(find_spec(name) for name in needed(code)):
            exec(compile(code, "docs/training.md", "exec"), namespace)
            ran += 1
    assert ran >= 8
