"""docs/shell.md is true: its blocks run in the real DuckDB shell, bash, Python and Node, and print what is shown.

`python -m tests.unit.test_shell_page` writes the shown output anew.

SQL goes to one shell, as if typed; the rest runs in a process of its own. All share a folder and a home.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.hosts import node, shell
from tests.hosts.child import Child

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/shell.md"
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S)
NOT_RUN = ("pip install ", "npm install ", "duckdb -unsigned\n")  # what the test has done before
END = "<end of the block>"


class Session:
    """A new user's folder and home, with the shell in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        (folder / "node_modules").symlink_to(node.HERE / "node_modules")
        commands = folder / "bin"
        commands.mkdir()
        program = shell.shell()
        assert program is not None
        (commands / "duckdb").symlink_to(program)
        (commands / "space-sql").write_text(f'#!/bin/sh\nexec {sys.executable} -m space_sql.cli "$@"\n')
        (commands / "space-sql").chmod(0o755)
        (commands / "python").symlink_to(sys.executable)
        self.environment = {**os.environ, "HOME": str(self.home), "PATH": f"{commands}:{os.environ['PATH']}"}
        self.shell: Child | None = None

    def output(self, language: str, text: str) -> str:
        """What a block prints."""
        match language:
            case "sql":
                return self.sql(text)
            case "bash":
                lines = [line for line in text.splitlines(keepends=True) if not line.startswith(NOT_RUN)]
                return self.run("bash", "-euc", "".join(lines)) if lines else ""
            case "python":
                return self.run(sys.executable, "-c", text)
            case "js":
                (self.folder / "block.mjs").write_text(text)
                return self.run("node", "block.mjs")
            case "properties" | "ini":
                return ""
        raise AssertionError(f"nothing runs a block in {language}")

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, text: str) -> str:
        if self.shell is None:
            self.shell = Child(["duckdb", "-unsigned"], cwd=self.folder, env=self.environment)
        printed = self.shell.ask(f"{text}.print {END}\n", f"{END}\n")
        return printed + self.shell.errors()

    def close(self) -> None:
        if self.shell is not None:
            self.shell.close(".quit\n", good=(0, 1))


def with_outputs(text: str, folder: Path) -> str:
    """The page with what its blocks print; run in an empty folder."""
    session = Session(folder)

    def fenced(match: re.Match[str]) -> str:
        printed = session.output(match["language"], match["text"])
        code = f"```{match['language']}\n{match['text']}```\n"
        lines = "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines())
        return code if match["output"] is None else f"{code}\n```text\n{lines}```\n"

    try:
        return FENCE.sub(fenced, text)
    finally:
        session.close()


@pytest.mark.skipif(shell.shell() is None, reason="duckdb-cli is not installed")
@pytest.mark.skipif(node.missing() is not None, reason=str(node.missing()))
def test_every_block_prints_what_the_page_shows(tmp_path: Path) -> None:
    shown = PAGE.read_text(encoding="utf-8")
    assert with_outputs(shown, tmp_path) == shown, "run `python -m tests.unit.test_shell_page`"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        fresh = with_outputs(PAGE.read_text(encoding="utf-8"), Path(folder))
    PAGE.write_text(fresh, encoding="utf-8")
