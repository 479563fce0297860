"""The application: its commands, and how an error reaches the user."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.text import Text

import space_sql
from space_sql.cli.diff import diff
from space_sql.cli.errors import one_line
from space_sql.cli.extension import extension
from space_sql.cli.label_studio import label_studio
from space_sql.cli.log import log
from space_sql.cli.quickstart import quickstart
from space_sql.cli.serve import serve
from space_sql.cli.sql import sql
from space_sql.errors import SpaceError

app = typer.Typer(
    name="space-sql",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(quickstart)
app.command()(sql)
app.command()(log)
app.command()(diff)
app.command()(serve)
app.add_typer(extension)
app.add_typer(label_studio)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"space-sql {space_sql.__version__} (DuckDB {duckdb.__version__})")
        raise typer.Exit


@app.callback()
def space(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Versioned datasets for machine learning, in SQL.

    A folder becomes a table with history: every change is a snapshot,
    snapshots carry tags and branches, and any of them can be read and compared.

    A real dataset, built and explained statement by statement:
    [cyan]  space-sql quickstart[/cyan]

    Any SQL of DuckDB, with the space_… functions:
    [cyan]  space-sql sql "FROM space_scan('annotations', version => 'v1')"[/cyan]

    What happened to a dataset, and what changed between two versions:
    [cyan]  space-sql log annotations
      space-sql diff annotations v1 v2[/cyan]

    All of it in a browser:
    [cyan]  space-sql serve annotations[/cyan]
    """


def main() -> None:
    """Run the command line; errors are one line on stderr and exit code 1."""
    logging.getLogger("space_sql").addHandler(logging.NullHandler())  # no traceback beside the one line
    try:
        app()
    except duckdb.Error as error:
        _fail(one_line(error))
    except SpaceError as error:
        _fail(error.line)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; nothing may be flushed to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(line: str) -> None:
    Console(stderr=True).print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)
    sys.exit(1)
