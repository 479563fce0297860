"""The documentation is true: the reference is that of the headers, every SQL fence runs and gives what is shown.

`python tests/unit/test_docs.py` writes the output shown in docs/*.md anew; `make docs` writes the reference.
"""

from __future__ import annotations

import io
import re
import runpy
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from rich.console import Console

import space_sql
from space_sql.cli.output import Format, print_result

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATOR = runpy.run_path(str(DOCS / "reference.py"))
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in ("reference.md", "shell.md")]
FENCE = re.compile(r"^```sql\n(?P<sql>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S)
MACROS = sorted((ROOT / "sql/macros").glob("space_*.sql"))
PARAMETER = re.compile(r"(\w+)(?: := [^,)]+)?")
SINCE = ("space_changes", "space_diff", "space_diff_stat", "space_schema_diff")
OWN_COLUMNS = (
    "space_scan",
    "space_epoch",
    "space_changes",
    "space_diff",
    "space_datasets",
    "space_history",
    "space_blame",
)
OPTIONS = {"branch", "message", "author", "expected_snapshot", "commit_key"}


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """The datasets of the examples, in the current folder."""
    monkeypatch.chdir(tmp_path)
    with space_sql.connect() as con:
        run(con, GENERATOR["SETUP"])
        yield con


def run(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    """What the last statement gives, as it is shown."""
    for statement in con.extract_statements(sql):
        con.execute(statement)
    written = io.StringIO()
    print_result(con, Format.table, Console(file=written, width=GENERATOR["WIDTH"], highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def with_outputs(con: duckdb.DuckDBPyConnection, text: str) -> str:
    """A page with what its SQL gives."""

    def fenced(match: re.Match[str]) -> str:
        output = run(con, match["sql"])
        code = f"```sql\n{match['sql']}```\n"
        return code if match["output"] is None else f"{code}\n```text\n{output}```\n"

    return FENCE.sub(fenced, text)


@pytest.mark.parametrize("page", ["sql.md", "views.md"])
def test_every_python_fence_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"^```python\n(.*?)^```\n", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    assert found
    names: dict[str, Any] = {}
    for code in found:
        exec(code, names)


def test_the_reference_is_that_of_the_headers() -> None:
    shown = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert GENERATOR["reference"]() == shown, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_sql_fence_runs_and_gives_what_is_shown(con: duckdb.DuckDBPyConnection, page: Path) -> None:
    shown = page.read_text(encoding="utf-8")
    assert with_outputs(con, shown) == shown, "run `python tests/unit/test_docs.py`"


@pytest.mark.parametrize("path", MACROS, ids=lambda path: path.stem)
def test_a_header_names_every_argument(path: Path) -> None:
    found: Any = GENERATOR["entry"](path.stem)
    parameters = re.search(r"MACRO \w+\((.*?)\) AS\b", path.read_text(encoding="utf-8"), re.S)
    assert parameters is not None
    taken = [name for name in PARAMETER.findall(parameters[1]) if name not in OPTIONS]
    assert [name for name, _ in found.arguments] == taken
    signature = found.signature.removeprefix(f"{path.stem}(").removesuffix(")")
    assert [part.partition(" =>")[0] for part in re.sub(r"\[…\]|, …", "", signature).split(", ")] == taken


@pytest.mark.parametrize("path", [path for path in MACROS if "-- kind: read" in path.read_text(encoding="utf-8")])
def test_a_header_names_the_columns_that_a_read_returns(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    found: Any = GENERATOR["entry"](path.stem)
    arguments = dict.fromkeys(SINCE, "'annotations', 'v1'") | {
        "space_datasets": "'.'",
        "space_conflicts": "'annotations', 'main'",
        "space_history": "'annotations', 2",
    }
    if path.stem in ("space_refresh_history", "space_lineage"):
        con.execute("CALL space_materialize('kept', 'SELECT id, label FROM space_scan(''annotations'')')")
        arguments[path.stem] = "'kept'"
    call = f"{path.stem}({arguments.get(path.stem, repr('annotations'))})"
    returned = dict(con.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {call})").fetchall())
    documented = dict(key.split(" ", 1) for key, _ in found.columns)
    for name, type_ in documented.items():
        if "<column>" not in name + type_:
            assert returned[name] == type_
    if path.stem not in OWN_COLUMNS:
        assert list(returned) == list(documented)


def test_links_between_pages_lead_somewhere() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


if __name__ == "__main__":
    for page in PAGES:
        with TemporaryDirectory() as folder, chdir(folder), space_sql.connect() as con:
            run(con, GENERATOR["SETUP"])
            fresh = with_outputs(con, page.read_text(encoding="utf-8"))
        page.write_text(fresh, encoding="utf-8")
