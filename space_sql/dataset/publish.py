"""A plain DuckDB file of views over the datasets below a folder, for tools that can load nothing.

The file is made beside its place and put there at once: who has the old one open goes on reading it.

Source: docs/adr/018-three-doors-for-bi.md.
"""

from __future__ import annotations

import contextlib
import glob
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from space_sql.dataset import engine
from space_sql.dataset.dataset import find_datasets, open_dataset
from space_sql.dataset.plain import left_out, plain_sql, shown
from space_sql.errors import AlreadyExistsError, ConflictError, InvalidInputError, NotFoundError, SpaceError
from space_sql.format.names import MAIN
from space_sql.format.state import State
from space_sql.format.types import quote_identifier, quote_literal
from space_sql.storage import files

STORAGE_VERSION = "v1.0.0"
"""The oldest that DuckDB writes: newer ones read it, but 1.5 reads no file of 2.0 as it writes by itself."""

_LIST = "space_catalog"
_LEFT_BEHIND = 3600


@dataclass(frozen=True)
class Published:
    """A dataset's version, the view that shows it, and what the view does not show."""

    schema_name: str
    view_name: str
    path: str
    snapshot_id: int | None = None
    row_count: int | None = None
    published: bool = False
    note: str | None = None


def publish(root: Path, target: Path, versions: Sequence[str]) -> list[Published]:
    """Write the file, or write it anew; one row for each dataset and version.

    Raises:
        NotFoundError: there is no dataset below the folder.
        AlreadyExistsError: the file is something else.
        ConflictError: the file is open for writing.
    """
    found = list(find_datasets(root))
    if not found:
        raise NotFoundError(f"no dataset below {root}")
    _check_target(target)
    _remove_left_behind(target)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with _attached(temporary, f"STORAGE_VERSION '{STORAGE_VERSION}'") as (con, name):
            rows = list(_views(con, name, root, found, versions))
            _list(con, name, rows)
            con.execute(f"CHECKPOINT {name}")
        with files.explained(target):
            files.sync_file(temporary)
            os.replace(temporary, target)
            files.sync_folder(target.parent)
    finally:
        for leftover in (temporary, temporary.with_name(f"{temporary.name}.wal")):
            files.remove_quietly(leftover)
    return rows


def view_name(root: Path, dataset: Path) -> str:
    """A dataset's name: its path below the folder, or the folder's own name."""
    return dataset.relative_to(root).as_posix() if dataset != root else root.name or "dataset"


@contextlib.contextmanager
def _attached(path: Path, options: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    name = f"_space_{uuid.uuid4().hex}"
    with engine.cursor() as con:
        con.execute(f"ATTACH {quote_literal(str(path))} AS {name} ({options})")
        try:
            yield con, name
        finally:
            con.execute(f"DETACH {name}")


def _views(
    con: duckdb.DuckDBPyConnection, catalog: str, root: Path, found: Sequence[Path], versions: Sequence[str]
) -> Iterator[Published]:
    taken: set[tuple[str, str]] = set()
    for version in versions:
        for path in found:
            row = Published(version, view_name(root, path), str(path))
            key = (version.casefold(), row.view_name.casefold())
            try:
                if key in taken:
                    raise AlreadyExistsError("another view has this name but for upper and lower case")
                view = open_dataset(str(path)).view()
                snapshot_id = view.resolve(version)
                state = view.state(snapshot_id)
                _create(con, f"{catalog}.{quote_identifier(version)}", row, state)
            except SpaceError as error:
                yield Published(row.schema_name, row.view_name, row.path, note=error.line)
            else:
                taken.add(key)
                yield Published(
                    row.schema_name, row.view_name, row.path, snapshot_id, state.rows, True, left_out(state)
                )


def _create(con: duckdb.DuckDBPyConnection, schema: str, row: Published, state: State) -> None:
    view = f"{schema}.{quote_identifier(row.view_name)}"
    columns = shown(state)
    statements = [
        f"CREATE SCHEMA IF NOT EXISTS {schema}",
        f"CREATE VIEW {view} AS {plain_sql(Path(row.path), state)}",
    ]
    if state.schema.comment:
        statements.append(f"COMMENT ON VIEW {view} IS {quote_literal(state.schema.comment)}")
    statements += [
        f"COMMENT ON COLUMN {view}.{quote_identifier(c.name)} IS {quote_literal(c.comment)}"
        for c in columns
        if c.comment
    ]
    con.execute("BEGIN")
    try:
        for statement in statements:
            con.execute(statement)
        con.execute("COMMIT")
    except duckdb.Error as error:
        con.execute("ROLLBACK")
        raise engine.explained(error) from error


def _list(con: duckdb.DuckDBPyConnection, catalog: str, rows: Iterable[Published]) -> None:
    """The same rows as a table: what the file shows, and how a later call knows it for its own."""
    con.execute(f"CREATE SCHEMA {catalog}.{_LIST}")
    con.execute(
        f"CREATE TABLE {catalog}.{_LIST}.views (schema_name VARCHAR, view_name VARCHAR, path VARCHAR, "
        "snapshot_id BIGINT, row_count BIGINT, published BOOLEAN, note VARCHAR)"
    )
    con.executemany(
        f"INSERT INTO {catalog}.{_LIST}.views VALUES (?, ?, ?, ?, ?, ?, ?)",
        [tuple(asdict(row).values()) for row in rows],
    )


def checked_versions(versions: Sequence[str | None] | None) -> list[str]:
    """The versions to show, each once; ``main`` when none are named."""
    for version in versions or ():
        if not version or version.casefold() in (_LIST, "information_schema", "pg_catalog"):
            raise InvalidInputError(f"'{version or ''}' cannot be the name of a schema with views")
    return list(dict.fromkeys(v for v in versions or () if v)) or [MAIN]


def _check_target(target: Path) -> None:
    """Raise unless the file's place is free, or holds what this module wrote and nobody is writing to."""
    with files.explained(target.parent):
        if not target.parent.is_dir():
            raise NotFoundError(f"no folder at {target.parent} for {target.name}")
    with files.explained(target):
        if not os.path.lexists(target):
            return
        if not target.is_file():
            raise AlreadyExistsError(f"{target} is no file; name another one")
    if files.is_open_for_writing(target):
        raise ConflictError(f"{target} is open for writing here; DETACH it, or attach it with READ_ONLY")
    if target.with_name(f"{target.name}.wal").exists():
        raise ConflictError(f"{target} was opened for writing (there is a {target.name}.wal); close it there first")
    try:
        with _attached(target, "READ_ONLY") as (con, name):
            ours = _is_ours(con, name)
    except SpaceError as error:
        if "lock" in error.message:
            raise ConflictError(f"{target} is open for writing in another process; close it there first") from error
        raise _taken(target) from error
    if not ours:
        raise _taken(target)


def _is_ours(con: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    """Whether a file holds the views that its list names, and nothing else."""
    there = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $name "
        "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = $name AND NOT internal",
        {"name": catalog},
    ).fetchall()
    if (_LIST, "views") not in there:
        return False
    listed = con.execute(f"SELECT schema_name, view_name FROM {catalog}.{_LIST}.views WHERE published").fetchall()
    return sorted(there) == sorted([*listed, (_LIST, "views")])


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(f"{target} holds something that space_publish did not write; name another file")


def _remove_left_behind(target: Path) -> None:
    """Remove what killed processes left in the middle of writing this file."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - _LEFT_BEHIND:
                path.unlink()
