"""`space-sql quickstart`: a real dataset, built and explained statement by statement."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

import space_sql
from space_sql.cli.output import Format, print_result
from space_sql.cli.shipped import sample, shipped_sql

_DEFAULT = "space-quickstart"
_SAMPLES = ("v1.json", "v2.json")
_SCRIPT = "quickstart.sql"
_MADE = {"boxes", _SCRIPT, *_SAMPLES}


@dataclass(frozen=True)
class Step:
    """A statement of the script with the comment above it; a comment alone has no SQL."""

    narration: str
    sql: str


def quickstart(
    path: Annotated[Path, typer.Option(help="The folder to work in; made anew.", show_default=True)] = Path(_DEFAULT),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the folder of an earlier run, take the next free name.")
    ] = False,
) -> None:
    """Build a versioned dataset from a real Label Studio export, and see what it can do.

    Every step is shown as SQL to copy, with its result; the folder also holds
    all of it as quickstart.sql.

    [cyan]space-sql quickstart
    space-sql quickstart --path /tmp/try[/cyan]
    """
    folder = _next_free(path) if keep else path
    _prepare(folder)
    script = placed(shipped_sql(_SCRIPT), folder)
    (folder / _SCRIPT).write_text(script, encoding="utf-8")
    console = Console(highlight=False)
    started = time.monotonic()
    with space_sql.connect() as con:
        for step in steps(script):
            console.print(Text(step.narration, "bold" if step.sql else ""), soft_wrap=True)
            console.print()
            if step.sql:
                console.print(Syntax(step.sql, "sql", theme="ansi_dark").highlight(step.sql), soft_wrap=True, end="")
                console.print()
                con.execute(step.sql)
                print_result(con, Format.table, console)
                console.print()
    _print_what_next(console, folder, time.monotonic() - started)


def steps(script: str) -> Iterator[Step]:
    """The blocks of a script between empty lines: comment lines, then one statement."""
    for block in script.strip().split("\n\n"):
        lines = block.splitlines()
        comment = [line.removeprefix("--").removeprefix(" ") for line in lines if line.startswith("--")]
        yield Step("\n".join(comment), "\n".join(line for line in lines if not line.startswith("--")))


def placed(script: str, folder: Path) -> str:
    """The script with its paths in another folder, quoted as deep as each of them stands."""

    def replaced(match: re.Match[str]) -> str:
        quotes = match[1]
        return f"{quotes}{folder.as_posix().replace(chr(39), quotes * 2)}/"

    return re.sub(rf"('+){_DEFAULT}/", replaced, script)


def _next_free(path: Path) -> Path:
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(candidate for candidate in chain([path], numbered) if not candidate.exists())


def _prepare(folder: Path) -> None:
    """Make the folder with the sample data; one from an earlier run starts over, anything else is left alone."""
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if found - _MADE or (found and _SCRIPT not in found) or (folder.exists() and not folder.is_dir()):
        raise typer.BadParameter(
            f"{folder} exists and holds something else; name another folder: space-sql quickstart --path {_DEFAULT}-2"
        )
    shutil.rmtree(folder / "boxes", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _SAMPLES:
        shutil.copyfile(sample(f"boxes/{name}"), folder / name)


def _print_what_next(console: Console, folder: Path, seconds: float) -> None:
    installed_aside = Path(sys.argv[0]).name == "space-sql" and shutil.which("space-sql") is None
    command = sys.argv[0] if installed_aside else "space-sql"
    dataset = f"{folder.as_posix()}/boxes"
    literal = "'" + dataset.replace("'", "''") + "'"
    query = f"SELECT id, data.camera FROM space_scan({literal}) WHERE data.camera IS NOT NULL"
    in_shell = f'"{query}"' if set('"$`\\!').isdisjoint(query) else shlex.quote(query)
    done = f"Done in {seconds:.1f} s. All statements are in {folder.as_posix()}/{_SCRIPT}. What next:\n"
    console.print(Text(done), soft_wrap=True)
    for line in (
        f"{command} log {shlex.quote(dataset)}",
        f"{command} diff {shlex.quote(dataset)} v1 v2 --columns",
        f"{command} sql {in_shell}",
        f"{command} --help",
    ):
        console.print(Text(f"  {line}", "cyan"), soft_wrap=True)
