"""One word finds everything, and nothing imports upwards."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from space_sql.functions.catalogue import CHANGES, EXCHANGE, READS, UPKEEP, VALUES, WRITES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "space_sql"
MACROS = {path.stem for path in (ROOT / "sql/macros").glob("space_*.sql")}
BESIDE_FUNCTIONS = {"__init__", "calls", "catalogue", "table"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc"}

# The floors of the house, from below. A module may import from its own floor and from those below.
FLOORS = (
    "errors",
    "format",
    "storage",
    "dataset",
    "views",
    "training",
    "interop",
    "functions",
    "statements",
    "hosts",
    "serve",
    "cli",
)
OUTSIDE = {"duckdb", "sqlglot", "rich", "typer", "httpx", "tenacity", "starlette", "uvicorn"}
MAY_IMPORT = {
    "errors": set(),
    "format": set(),
    "storage": set(),
    "dataset": {"duckdb"},
    "views": {"duckdb", "sqlglot", "rich"},
    "training": set(),
    "interop": {"duckdb", "httpx", "tenacity", "starlette"},
    "functions": set(),
    "statements": {"sqlglot"},
    "hosts": {"duckdb"},
    "serve": {"duckdb", "starlette"},
    "cli": {"duckdb", "rich", "typer", "uvicorn"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem == "errors")


def test_every_macro_is_in_the_catalogue() -> None:
    assert {*READS, *VALUES, *WRITES, *CHANGES, *UPKEEP, *EXCHANGE} == MACROS


def test_every_function_has_a_module_and_every_module_a_function() -> None:
    modules = {path.stem for path in (PACKAGE / "functions").glob("*.py")} - BESIDE_FUNCTIONS
    assert {f"space_{name}" for name in modules} == MACROS


def test_every_function_has_a_folder_of_tests_and_every_folder_a_function() -> None:
    folders = {path.name for path in (ROOT / "tests/sql").iterdir() if path.is_dir()}
    assert {f"space_{name}" for name in folders} == MACROS
    assert not list((ROOT / "tests/sql").glob("*.test")), "a test lies in the folder of its function"


@pytest.mark.parametrize("macro", sorted(MACROS))
def test_every_function_has_tests_of_what_it_does_and_of_its_errors(macro: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/sql" / macro[6:]).glob("*.test")]
    assert any(f"{macro}(" in text for text in texts)
    assert any("query " in text for text in texts)
    calls = re.compile(rf"statement error\n[^\n]*{macro}\(")
    assert any(calls.search(text) for text in texts), f"no test of an error of {macro}"


def test_every_function_has_a_heading_in_the_reference() -> None:
    reference = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (\w+)$", reference, re.M)) == MACROS


def test_every_macro_defines_itself() -> None:
    for path in (ROOT / "sql/macros").glob("*.sql"):
        found = re.findall(r"CREATE OR REPLACE TEMP MACRO (\w+)\(", path.read_text(encoding="utf-8"))
        assert found == [path.stem]


def test_a_test_file_is_named_as_it_says() -> None:
    for path in (ROOT / "tests/sql").rglob("*.test"):
        name, description = path.read_text(encoding="utf-8").splitlines()[:2]
        assert name == f"# name: {path.relative_to(ROOT / 'tests')}"
        assert re.fullmatch(r"# description: .*[.:]", description), f"{path}: the description is no sentence"


def floor(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_imports_upwards(path: Path) -> None:
    here = FLOORS.index(floor(path))
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "space_sql" and rest and rest[0] in FLOORS:
            assert FLOORS.index(rest[0]) <= here, f"{path} imports {name}, which is above it"
        elif first in OUTSIDE:
            assert first in MAY_IMPORT[floor(path)], f"{path} imports {first}"


def test_formats_read_and_write_nothing() -> None:
    for path in (PACKAGE / "format").glob("*.py"):
        firsts = {name.split(".")[0] for name in imports(path)}
        assert not firsts & {"os", "io", "shutil", "tempfile", "pyarrow", "socket"}, path


def test_every_module_is_on_a_floor() -> None:
    assert {floor(path) for path in MODULES} <= set(FLOORS)


def test_names_say_what_is_inside() -> None:
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & VAGUE


def test_packages_only_re_export() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            plain = isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr)
            assert plain, f"{path} does more than re-export"


def test_sql_holds_only_sql() -> None:
    assert {path.suffix for path in (ROOT / "sql").rglob("*") if path.is_file()} == {".sql"}
