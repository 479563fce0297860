"""Enforcing checks: the rows that a commit brings are looked at before it is published, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from space_sql.dataset.check_sql import check_sql, shown_key
from space_sql.dataset.difference import rows_only_in
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import candidates, staged
from space_sql.dataset.scan import rows_sql
from space_sql.errors import InvalidInputError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Check, Schema
from space_sql.format.state import State
from space_sql.format.types import quote_identifier

SHOWN = 10
"""How many keys an error names."""

_WHOLE = {"insert", "upsert", "update"}
"""These have seen to it that no key is there twice, where they write one."""


def enforce(root: Path, before: State, commit: Commit) -> None:
    """Raise InvalidInputError when a row that a commit brings breaks a check."""
    schema = commit.schema or before.schema
    if not schema.checks or not commit.files_added:
        return
    unmerged = replace(commit, rewrites_removed=(), rewrites_added=(), deletes_merged=())
    after = before.apply(unmerged)
    fresh = {f.number: after.files[f.number] for f in commit.files_added}
    for check in schema.checks:
        if check.predicate is not None:
            _predicate(root, check, schema, _rows(root, fresh, before, schema))
        elif commit.operation not in _WHOLE:
            _unique(root, check, fresh, replace(after, schema=schema))


def enforce_all(root: Path, state: State, check: Check) -> None:
    """Raise InvalidInputError when a row of a state breaks a check."""
    files = dict(state.files)
    if check.predicate is None:
        _unique(root, check, files, state)
    else:
        columns = [c for c in state.schema.columns if c.record is None]
        _predicate(root, check, state.schema, [rows_sql(root, list(files.values()), columns)])


def _rows(root: Path, fresh: Mapping[int, DataFile], before: State, schema: Schema) -> Sequence[str]:
    """Queries of the rows that were not there before."""
    apart = frozenset(before.schema.by_id.keys() ^ schema.by_id.keys())
    columns = [c for c in schema.columns if c.record is None]
    return rows_only_in(root, fresh, before.files, columns, logical=True, apart=apart)


def _predicate(root: Path, check: Check, schema: Schema, rows: Sequence[str]) -> None:
    """Rows break it when it is false; NULL passes, as in SQL."""
    condition = check_sql(check, schema)
    keys = ", ".join(f"row_.{quote_identifier(k.name)}" for k in schema.keys)
    parts = [f"SELECT {keys} FROM (\n{part}\n) AS row_ WHERE NOT {condition}" for part in rows]
    if parts:
        _refuse(check, schema, "\nUNION ALL\n".join(parts), f"do not fulfil {check.predicate}")


def _unique(root: Path, check: Check, fresh: Mapping[int, DataFile], after: State) -> None:
    """No key of the new rows is in two rows; keys with a NULL are nobody's."""
    new = staged(root, list(fresh.values()), after.schema)
    if not fresh or {k.id for k in new.keys} - {c.id for c in new.columns}:
        return  # without the column every key is NULL
    names = ", ".join(quote_identifier(k.name) for k in after.schema.keys)
    some = " AND ".join(f"{quote_identifier(k.name)} IS NOT NULL" for k in after.schema.keys)
    there = rows_sql(root, candidates(new, after), after.schema.keys, logical=False)
    mine = rows_sql(root, list(fresh.values()), after.schema.keys, logical=False)
    doubled = (
        f"SELECT {names} FROM (\n{there}\n) WHERE {some} AND ({names}) IN (SELECT ({names}) FROM (\n{mine}\n)) "
        f"GROUP BY {names} HAVING count(*) > 1"
    )
    _refuse(check, after.schema, doubled, "are in more than one row")


def _refuse(check: Check, schema: Schema, rows: str, why: str) -> None:
    """Raise the error that names the rows, if there are any."""
    try:
        with cursor() as con:
            found = con.execute(f"SELECT *, count(*) OVER () FROM (\n{rows}\n) ORDER BY ALL LIMIT {SHOWN}").fetchall()
    except InvalidInputError as error:
        raise InvalidInputError(f'check "{check.name}" cannot be computed: {error.message}') from error
    if found:
        keys = ", ".join(shown_key(row[:-1]) for row in found)
        more = "" if found[0][-1] <= SHOWN else f" and {found[0][-1] - SHOWN} more"
        names = ", ".join(f'"{k.name}"' for k in schema.keys)
        raise InvalidInputError(
            f'check "{check.name}" fails; nothing was committed: the rows whose {names} is {keys}{more} {why}'
        )
