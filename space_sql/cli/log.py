"""`space-sql log`: the history of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

import space_sql
from space_sql.cli.output import Format, print_result
from space_sql.cli.shipped import shipped_sql


def log(
    path: Annotated[str, typer.Argument(help="The folder of the dataset.")],
    most: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many snapshots to show.")] = 40,
) -> None:
    """Show the snapshots of a dataset, newest first.

    +, ~ and - count the rows that a snapshot inserted, updated and deleted.
    All columns are in [cyan]FROM space_snapshots('PATH')[/cyan].

    [cyan]space-sql log annotations
    space-sql log annotations -n 5[/cyan]
    """
    with space_sql.connect() as con:
        con.execute(shipped_sql("cli/log.sql"), {"path": path, "most": most})
        print_result(con, Format.table, Console(highlight=False))
