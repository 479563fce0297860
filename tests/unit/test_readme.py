"""The README is true: its fences run and print what it shows, its function table is that of the code.

Its links, and those of all pages in docs/, lead to a page and heading that is there.

`python tests/unit/test_readme.py` writes the shown output and the function table anew.

A ```text fence directly below another one is that one's output: what the last statement gave (sql), what was
printed (python), or what the last space-sql command wrote (bash). Fences without a language are pictures.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from rich.console import Console

import space_sql
from space_sql.cli.output import Format, print_result
from space_sql.functions.catalogue import CHANGES, EXCHANGE, READS, UPKEEP, VALUES, WRITES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S)
_TABLE = re.compile(r"(<!-- functions: .*? -->\n).*?(<!-- functions end -->)", re.S)
_LINK = re.compile(r"\]\((?![a-z]+:)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


@dataclass(frozen=True)
class Fence:
    """A piece of code in the README."""

    language: str
    text: str

    @property
    def is_cell(self) -> bool:
        """Whether it is written for Jupyter."""
        return self.text.startswith("%")


def fences(text: str) -> Iterator[Fence]:
    return (Fence(match["language"], match["text"]) for match in _FENCE.finditer(text))


_NOT_RUN = (["make", "quickstart"], ["make", "test"], ["pip", "install", "."])


class Session:
    """What runs the fences one after the other, in the current folder."""

    def __init__(self) -> None:
        self.con = space_sql.connect()
        self.names: dict[str, Any] = {}

    def output(self, fence: Fence) -> str:
        """What a fence prints."""
        if fence.is_cell:
            return ""
        run: Callable[[str], str] = getattr(self, fence.language)
        return "".join(f"{line.rstrip()}\n" for line in run(fence.text).splitlines())

    def sql(self, text: str) -> str:
        for statement in self.con.extract_statements(text):
            self.con.execute(statement)
        written = io.StringIO()
        print_result(self.con, Format.table, Console(file=written, width=110, highlight=False))
        return written.getvalue()

    def python(self, text: str) -> str:
        with redirect_stdout(io.StringIO()) as written:
            exec(text, self.names)
        return written.getvalue()

    def bash(self, text: str) -> str:
        written = ""
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words not in _NOT_RUN:
                assert words[0] == "space-sql"
                written = space(*words[1:])
        return written


def space(*arguments: str) -> str:
    """What a space-sql command writes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "110"}
    command = [sys.executable, "-m", "space_sql.cli", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def with_outputs(text: str) -> str:
    """The README with what its fences print; run in an empty folder."""
    session = Session()

    def fenced(match: re.Match[str]) -> str:
        fence = Fence(match["language"], match["text"])
        printed = session.output(fence) if fence.language else ""
        code = f"```{fence.language}\n{fence.text}```\n"
        return code if match["output"] is None else f"{code}\n```text\n{printed}```\n"

    return _FENCE.sub(fenced, text)


def with_functions(text: str) -> str:
    """The README with the function table of the headers in sql/macros."""
    table = []
    for kind, verb, names in (
        ("read", "gives", READS),
        ("value", "is", VALUES),
        ("write", "does", [*WRITES, *CHANGES]),
        ("upkeep", "does", UPKEEP),
        ("exchange", "does", EXCHANGE),
    ):
        table.append(f"\n| {kind} | {verb} |\n|---|---|\n")
        for name in names:
            header = (ROOT / f"sql/macros/{name}.sql").read_text(encoding="utf-8").partition("CREATE ")[0]
            signature, _, *rest = [line.removeprefix("-- ") for line in header.splitlines()]
            sentence = re.split(r"\.(?: |$)", " ".join(rest), maxsplit=1)[0]
            table.append(f"| [`{signature}`](docs/reference.md#{name}) | {sentence} |\n")
    return _TABLE.sub(lambda match: f"{match[1]}{''.join(table)}\n{match[2]}", text)


def test_every_fence_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = README.read_text(encoding="utf-8")
    with chdir(tmp_path):
        assert with_outputs(shown) == shown


def test_the_function_table_is_that_of_the_headers() -> None:
    shown = README.read_text(encoding="utf-8")
    assert with_functions(shown) == shown


def headings(page: Path) -> set[str]:
    """The anchors of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [README, ROOT / "notebooks/README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.stem
)
def test_every_link_leads_to_a_page_and_its_heading(page: Path) -> None:
    for link in _LINK.finditer(page.read_text(encoding="utf-8")):
        target = page.parent / link["path"] if link["path"] else page
        assert target.exists(), link[0]
        assert link["anchor"] is None or link["anchor"] in headings(target), link[0]


@pytest.mark.notebook
def test_the_python_and_jupyter_cells_run_in_a_notebook(tmp_path: Path) -> None:
    pytest.importorskip("nbclient", reason="needs the notebook extra")
    nbformat = pytest.importorskip("nbformat", reason="needs the notebook extra")
    from tests.notebooks.execute import execute

    cells = []
    with chdir(tmp_path):
        session = Session()
        for fence in fences(README.read_text(encoding="utf-8")):
            if fence.language == "python":
                cells.append(nbformat.v4.new_code_cell(fence.text))
            elif fence.language == "sql":
                session.sql(fence.text)
            elif fence.text.startswith("space-sql quickstart\n"):
                session.bash("space-sql quickstart")
    execute(nbformat.v4.new_notebook(cells=cells), tmp_path)
    assert any(fence.startswith("%%sql") for fence in (cell.source for cell in cells))


if __name__ == "__main__":
    with TemporaryDirectory() as folder, chdir(folder):
        fresh = with_outputs(with_functions(README.read_text(encoding="utf-8")))
    README.write_text(fresh, encoding="utf-8")
