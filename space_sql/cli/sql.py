"""`space-sql sql`: run SQL."""

from __future__ import annotations

import sys
from typing import Annotated

import duckdb
import typer
from rich.console import Console

import space_sql
from space_sql.cli.output import Format, print_result
from space_sql.hosts.statements import statements
from space_sql.statements.rewrite import known_to_duckdb


def sql(
    query: Annotated[str | None, typer.Argument(help="One or more statements.", show_default=False)] = None,
    file: Annotated[
        typer.FileText | None,
        typer.Option("--file", "-f", help="Read the statements from a file; - is standard input.", show_default=False),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How results are written.")] = Format.table,
    database: Annotated[
        str, typer.Option("--database", help="Run in this DuckDB database file.", show_default="in memory")
    ] = ":memory:",
) -> None:
    """Run SQL, with all of DuckDB and the space_… functions, and print each result.

    [cyan]space-sql sql "FROM space_scan('annotations', version => 'v1') LIMIT 5"
    space-sql sql "CALL space_tag('annotations', 'v2')"
    space-sql sql "FROM space_scan('annotations')" --format csv > annotations.csv
    space-sql sql -f steps.sql[/cyan]
    """
    if (query is None) == (file is None):
        raise typer.BadParameter('give either statements or a file: space-sql sql "…" or space-sql sql -f file.sql')
    text = query if file is None else file.read()
    console = Console(highlight=False)
    with space_sql.connect(database) as con:
        for statement in statements(con, text or ""):
            con.execute(statement)
            if _shows_something(con, statement):
                print_result(con, format_, console)
                sys.stdout.flush()


def _shows_something(con: duckdb.DuckDBPyConnection, statement: str) -> bool:
    """Whether there is a result to see: not after SET or CREATE TABLE, whose result is an empty column."""
    if len(con.description or ()) > 1:
        return True
    expected = [each.expected_result_type for each in con.extract_statements(known_to_duckdb(statement))]
    return bool(con.description) and not any(duckdb.ExpectedResultType.NOTHING in each for each in expected)
