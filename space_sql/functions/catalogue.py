"""The table of contents: every SQL function and what implements it.

Hosts put a few functions on a connection and the macros of ``sql/macros`` over them; which SQL
function is meant is an argument. So a function is declared here, once, for every host:

- ``READS`` write SQL while DuckDB binds a query;
- ``VALUES`` compute a value in a query, where they are called;
- ``WRITES`` write the SQL of the rows to stage, then take those rows and commit;
- ``CHANGES`` commit without rows;
- ``UPKEEP`` does too, and tells what it did in columns of its own;
- ``EXCHANGE`` with other tools does as well.

Modules of writes are imported when one is first called: reading does without Arrow, whose import is
half of a short process's time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from space_sql.dataset.rows import Rows
from space_sql.dataset.transact import Report, Result
from space_sql.functions import (
    blame,
    changes,
    checks,
    conflicts,
    datasets,
    diff,
    diff_stat,
    epoch,
    file,
    files,
    history,
    info,
    lineage,
    record,
    refresh_history,
    refs,
    scan,
    schema,
    schema_diff,
    snapshots,
)


class Writing(Protocol):
    """A write under way; ``takes_rows`` tells whether the rows of its statement are read."""

    takes_rows: bool

    def stage(self, rows: Any) -> None:
        """Take rows as Arrow structs."""

    def commit(self) -> Result | Report:
        """Publish them."""

    def abort(self) -> None:
        """Remove what was staged."""


@dataclass(frozen=True)
class Write:
    """A function that takes rows, by its module in ``functions``."""

    module: str

    def rows(self, *arguments: Any, **given: Any) -> Rows:
        """The queries that give the rows."""
        rows: Rows = import_module(f"space_sql.functions.{self.module}").rows(*arguments, **given)
        return rows

    def staged(self, *arguments: Any, **given: Any) -> bool:
        """Whether the rows must pass the caller's connection; not every function can do without."""
        staged: bool = import_module(f"space_sql.functions.{self.module}").staged(*arguments, **given)
        return staged

    def begin(self, *arguments: Any, **given: Any) -> Writing:
        """What takes the rows."""
        writing: Writing = import_module(f"space_sql.functions.{self.module}").begin(*arguments, **given)
        return writing


@dataclass(frozen=True)
class Change:
    """A function that commits without rows, by its module in ``functions``."""

    module: str

    def __call__(self, *arguments: Any, **given: Any) -> Result | Report:
        """Commit."""
        result: Result | Report = import_module(f"space_sql.functions.{self.module}").apply(*arguments, **given)
        return result


READS: dict[str, Callable[..., str]] = {
    "space_scan": scan.read,
    "space_changes": changes.read,
    "space_diff": diff.read,
    "space_diff_stat": diff_stat.read,
    "space_schema_diff": schema_diff.read,
    "space_conflicts": conflicts.read,
    "space_history": history.read,
    "space_blame": blame.read,
    "space_snapshots": snapshots.read,
    "space_refs": refs.read,
    "space_schema": schema.read,
    "space_checks": checks.read,
    "space_files": files.read,
    "space_info": info.read,
    "space_datasets": datasets.read,
    "space_epoch": epoch.read,
    "space_refresh_history": refresh_history.read,
    "space_lineage": lineage.read,
}

VALUES: dict[str, Callable[..., Any]] = {
    "space_record": record.read,
    "space_file": file.token,
}

WRITES: dict[str, Write] = {
    "space_create": Write("create"),
    "space_append": Write("append"),
    "space_insert": Write("insert"),
    "space_upsert": Write("upsert"),
    "space_update": Write("update"),
    "space_delete": Write("delete"),
    "space_overwrite": Write("overwrite"),
    "space_merge": Write("merge"),
    "space_materialize": Write("materialize"),
    "space_refresh": Write("refresh"),
}

CHANGES: dict[str, Change] = {
    "space_restore": Change("restore"),
    "space_tag": Change("tag"),
    "space_branch": Change("branch"),
    "space_drop_tag": Change("drop_tag"),
    "space_drop_branch": Change("drop_branch"),
    "space_add_column": Change("add_column"),
    "space_rename_column": Change("rename_column"),
    "space_drop_column": Change("drop_column"),
    "space_add_check": Change("add_check"),
    "space_drop_check": Change("drop_check"),
    "space_set_comment": Change("set_comment"),
}

UPKEEP: dict[str, Change | Write] = {
    "space_compact": Change("compact"),
    "space_expire": Change("expire"),
    "space_vacuum": Change("vacuum"),
    "space_forget": Write("forget"),
    "space_verify": Change("verify"),
    "space_repair": Change("repair"),
    "space_explain_refresh": Change("explain_refresh"),
    "space_publish": Change("publish"),
}

EXCHANGE: dict[str, Change | Write] = {
    "space_import_label_studio": Change("import_label_studio"),
    "space_push_label_studio": Write("push_label_studio"),
}

_REPORTS = UPKEEP | EXCHANGE

STAGED: dict[str, Write] = WRITES | {name: found for name, found in _REPORTS.items() if isinstance(found, Write)}
"""All that take rows."""

APPLIED: dict[str, Change] = {
    **CHANGES,
    **{name: found for name, found in _REPORTS.items() if isinstance(found, Change)},
    "space_refresh": Change("refresh"),
}
"""All that do not, or can do without."""
