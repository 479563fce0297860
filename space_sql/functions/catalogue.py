"""The table of contents: every SQL function and what implements it.

Hosts put a few functions on a connection and the macros of ``sql/macros`` over them; which SQL
function is meant is an argument. So a function is declared here, once, for every host:

- ``READS`` write SQL while DuckDB binds a query;
- ``WRITES`` write the SQL of the rows to stage, then take those rows and commit;
- ``CHANGES`` commit without rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from space_sql.dataset.transact import Result
from space_sql.dataset.write import Rows
from space_sql.functions import (
    add_column,
    append,
    branch,
    changes,
    create,
    datasets,
    delete,
    diff,
    drop_branch,
    drop_column,
    drop_tag,
    files,
    info,
    insert,
    overwrite,
    refs,
    rename_column,
    restore,
    scan,
    schema,
    snapshots,
    tag,
    update,
    upsert,
)


class Writing(Protocol):
    """A write under way."""

    def stage(self, rows: Any) -> None:
        """Take rows as Arrow structs."""

    def commit(self) -> Result:
        """Publish them."""

    def abort(self) -> None:
        """Remove what was staged."""


@dataclass(frozen=True)
class Write:
    """A function that takes rows: ``rows`` writes the queries that give them, ``begin`` makes what takes them."""

    rows: Callable[..., Rows]
    begin: Callable[..., Writing]


READS: dict[str, Callable[..., str]] = {
    "space_scan": scan.read,
    "space_changes": changes.read,
    "space_diff": diff.read,
    "space_snapshots": snapshots.read,
    "space_refs": refs.read,
    "space_schema": schema.read,
    "space_files": files.read,
    "space_info": info.read,
    "space_datasets": datasets.read,
}

WRITES: dict[str, Write] = {
    "space_create": Write(create.rows, create.begin),
    "space_append": Write(append.rows, append.begin),
    "space_insert": Write(insert.rows, insert.begin),
    "space_upsert": Write(upsert.rows, upsert.begin),
    "space_update": Write(update.rows, update.begin),
    "space_delete": Write(delete.rows, delete.begin),
    "space_overwrite": Write(overwrite.rows, overwrite.begin),
}

CHANGES: dict[str, Callable[..., Result]] = {
    "space_restore": restore.apply,
    "space_tag": tag.apply,
    "space_branch": branch.apply,
    "space_drop_tag": drop_tag.apply,
    "space_drop_branch": drop_branch.apply,
    "space_add_column": add_column.apply,
    "space_rename_column": rename_column.apply,
    "space_drop_column": drop_column.apply,
}
