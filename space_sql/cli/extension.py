"""`space-sql extension`: the loadable extension for the DuckDB shell, Node and BI tools."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from space_sql.hosts.extension import doctor as checks
from space_sql.hosts.extension import install as places

extension = typer.Typer(
    name="extension",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="One extension for every DuckDB: LOAD space.",
)


@extension.command()
def install(
    duckdb_version: Annotated[
        str | None, typer.Option(help="Also for a DuckDB that is not found here, such as Node's: 1.5.6.")
    ] = None,
) -> None:
    """Put the extension where LOAD space finds it.

    For this Python's DuckDB, and for the shell when [cyan]duckdb[/cyan] is on the PATH. It remembers which Python it
    belongs to, so it works from any shell. Without a ready-made one it is compiled, which takes a C compiler.

    [cyan]space-sql extension install
    space-sql extension install --duckdb-version 1.5.6[/cyan]
    """
    console = Console(highlight=False)
    done = set()
    for client in [*places.clients(), *([places.for_version(duckdb_version)] if duckdb_version else [])]:
        file = client.file if client.file in done else places.install(client)
        done.add(file)
        console.print(f"{client.name}, DuckDB {client.version}: {file}", soft_wrap=True)
    console.print("Now, in a DuckDB that allows unsigned extensions (duckdb -unsigned):  LOAD space;", soft_wrap=True)


@extension.command()
def path() -> None:
    """Print the installed file, for LOAD '…'.

    One file serves every DuckDB from 1.5 on.

    [cyan]duckdb -unsigned -cmd "LOAD '$(space-sql extension path)'"[/cyan]
    """
    typer.echo(places.installed())


@extension.command()
def doctor() -> None:
    """Say what is there, what is missing, and how to get it."""
    console = Console(highlight=False)
    findings = list(checks.findings())
    for finding in findings:
        mark = "[green]ok[/green]     " if finding.fine else "[red]missing[/red]"
        console.print(f"{mark}  {finding.what}: {finding.found}", soft_wrap=True)
        if not finding.fine:
            console.print(f"         {finding.remedy}", soft_wrap=True, markup=False)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)
