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
YOU = "/home/you"  # the home that the page shows
END = "<end of the block>"
COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Session:
    """A new user's home, which is the current folder, with the shell running in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        commands = home / "bin"
        commands.mkdir()
        program = shell.shell()
        assert program is not None
        (commands / "duckdb").symlink_to(program)
        (commands / "space-sql").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} {sys.executable} -m space_sql.cli "$@"\n')
        (commands / "space-sql").chmod(0o755)
        (home / "node_modules").symlink_to(node.HERE / "node_modules")
        self.environment = {**os.environ, "HOME": str(home), "PATH": f"{commands}:{os.environ['PATH']}"}
        self.shell: Child | None = None

    def output(self, language: str, text: str, *, shown: bool) -> str:
        """What a block prints; one whose output is not shown must end well."""
        text = text.replace(YOU, str(self.home))
        match language:
            case "sql":
                printed, fine = self.sql(text)
            case "bash":
                lines = [line for line in text.splitlines(keepends=True) if not line.startswith(NOT_RUN)]
                printed, fine = self.run("bash", "-euc", "".join(lines))
            case "python":
                (self.home / "block.py").write_text(text)
                printed, fine = self.run(sys.executable, "block.py")
            case "js":
                (self.home / "block.mjs").write_text(text)
                printed, fine = self.run("node", "block.mjs")
            case "properties" | "ini":  # their drivers are on neither PyPI nor npm
                return ""
            case _:
                raise AssertionError(f"nothing runs a block in {language}")
        assert shown or fine, f"{text}\n{printed}"
        return COLOUR.sub("", printed).replace(str(self.home), YOU)

    def run(self, *command: str) -> tuple[str, bool]:
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout, done.returncode == 0

    def sql(self, text: str) -> tuple[str, bool]:
        if self.shell is None:
            self.shell = Child([self.home / "bin/duckdb", "-unsigned"], cwd=self.home, env=self.environment)
        printed = self.shell.ask(f"{text}.print {END}\n", f"{END}\n")
        said = self.shell.errors()
        return printed + said, not said

    def close(self) -> None:
        if self.shell is not None:
            self.shell.close(".quit\n", good=(0, 1))


def with_outputs(text: str, home: Path) -> str:
    """The page with what its blocks print; run in an empty folder."""
    session = Session(home)

    def fenced(match: re.Match[str]) -> str:
        language, code, output = match.group("language", "text", "output")
        printed = session.output(language, code, shown=output is not None).strip("\n")
        block = f"```{language}\n{code}```\n"
        lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
        return block if output is None else f"{block}\n```text\n{lines}```\n"

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
