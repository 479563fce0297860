"""`space-sql diff`: what differs between two versions of a dataset."""

from __future__ import annotations

from typing import Annotated

import duckdb
import typer
from rich.console import Console

import space_sql
from space_sql.cli.output import MOST_ROWS, Format, print_result
from space_sql.cli.shipped import shipped_sql

_DIFF = "FROM space_diff($path, $from_version, $to_version)"
_KEYS = "SELECT column_name FROM space_schema($path, version => $version) WHERE primary_key"


def diff(
    path: Annotated[str, typer.Argument(help="The folder of the dataset.")],
    from_version: Annotated[str, typer.Argument(metavar="A", help="A snapshot id, tag, branch or branch~N.")],
    to_version: Annotated[str, typer.Argument(metavar="B", help="The version to compare it with.")],
    stat: Annotated[bool, typer.Option("--stat", help="Only count the rows.")] = False,
    columns: Annotated[bool, typer.Option("--columns", help="Count the modified rows by column.")] = False,
) -> None:
    """Show which rows were added, modified and removed between two versions, and in which columns.

    The values themselves are in [cyan]FROM space_diff('PATH', 'A', 'B')[/cyan].

    [cyan]space-sql diff annotations v1 v2
    space-sql diff annotations main~1 main --stat[/cyan]
    """
    versions = {"path": path, "from_version": from_version, "to_version": to_version}
    with space_sql.connect() as con:
        if stat:
            query = shipped_sql("cli/diff_stat.sql")
        elif columns:
            query = _by_column(_changes(con, versions))
        else:
            query = _by_row(_changes(con, versions), _keys(con, path, to_version))
        con.execute(query, versions)
        print_result(con, Format.table, Console(highlight=False))


def _keys(con: duckdb.DuckDBPyConnection, path: str, version: str) -> list[str]:
    return [name for (name,) in con.execute(_KEYS, {"path": path, "version": version}).fetchall()]


def _changes(con: duckdb.DuckDBPyConnection, versions: dict[str, str]) -> dict[str, str]:
    """For each column of the two versions, the condition that a modified row differs in it."""
    names = [column[0] for column in con.execute(f"{_DIFF} LIMIT 0", versions).description or []]
    before, after = names[1 : len(names) // 2 + 1], names[len(names) // 2 + 1 :]
    return {
        a.removeprefix("from_"): f"(diff_type = 'modified' AND {_quoted(a)} IS DISTINCT FROM {_quoted(b)})"
        for a, b in zip(before, after, strict=True)
    }


def _by_row(changes: dict[str, str], keys: list[str]) -> str:
    selected = [f"coalesce({_quoted('to_' + key)}, {_quoted('from_' + key)}) AS {_quoted(key)}" for key in keys]
    changed = [f"CASE WHEN {condition} THEN {_literal(name)} END" for name, condition in changes.items()]
    selected.append(f"concat_ws(', ', {', '.join(changed)}) AS columns")
    order = ", ".join(map(str, range(1, len(selected) + 1)))
    return f"SELECT diff_type, {', '.join(selected)} {_DIFF} ORDER BY {order} LIMIT {MOST_ROWS + 1}"


def _by_column(changes: dict[str, str]) -> str:
    """One row a column that differs somewhere, most changed first."""
    counted = " UNION ALL ".join(
        f"SELECT {_literal(name)} AS column_name, count(*) FILTER (WHERE {condition}) AS modified FROM compared"
        for name, condition in changes.items()
    )
    return (
        f"WITH compared AS MATERIALIZED ({_DIFF}) "
        f"FROM ({counted}) WHERE modified > 0 ORDER BY modified DESC, column_name"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
