"""What the extension's tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.hosts.extension import built

ROOT = Path(__file__).resolve().parents[2]
Opener = Callable[..., duckdb.DuckDBPyConnection]
Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens databases with the extension in them, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    kept: list[duckdb.DuckDBPyConnection] = []

    def open_(database: str = ":memory:", *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(database, read_only=read_only, config={"allow_unsigned_extensions": "true"})
        kept.append(con)
        con.execute(f"LOAD '{built()}'")
        return con

    yield open_
    for con in kept:
        con.close()


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs Python code in a process of its own, where EXTENSION is the file to load and `load()` loads it."""
    head = f"""
import os, sys
EXTENSION = {str(built())!r}
sys.path.insert(0, {str(ROOT)!r})
import duckdb
def load(database=":memory:"):
    con = duckdb.connect(database, config={{"allow_unsigned_extensions": "true"}})
    con.execute("SET enable_progress_bar = false")  # it would come between what is printed where all is slow
    con.execute(f"LOAD '{{EXTENSION}}'")
    return con
"""

    def run_(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        command = [sys.executable, "-c", head + code]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=600)

    return run_


def shell_program() -> str:
    """The shell itself, where PyPI's duckdb-cli puts a Python script before it."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the shell does without the sanitizer: see `make memcheck`")
    found = Path(shutil.which("duckdb") or Path(sys.executable).with_name("duckdb"))
    packaged = sorted(found.parent.parent.glob("lib/python*/site-packages/duckdb_cli/duckdb"))
    if packaged or found.exists():
        return str([*packaged, found][0])
    pytest.skip("no duckdb shell: pip install duckdb-cli")


@pytest.fixture
def shell(tmp_path: Path) -> Runner:
    """Runs SQL in the real DuckDB shell, without any environment of Python's."""
    program = shell_program()

    def run_(sql: str, *, extension: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [program, "-unsigned", "-init", "/dev/null", "-noheader", "-list"]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment}
        text = f"LOAD '{extension or built()}';\n{sql}"
        return subprocess.run(
            command, input=text, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120
        )

    return run_
