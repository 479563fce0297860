"""Every write as SQL, and as what it does to a plain Python model of a dataset."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests.concurrency.sql import call

RowModel = dict[str, Any]


@dataclass
class Content:
    """A dataset of the tests: columns by identity, rows, and refs with the rows that they show."""

    columns: dict[str, str]
    rows: list[RowModel]
    tags: dict[str, list[RowModel]] = field(default_factory=dict)
    branches: dict[str, list[RowModel]] = field(default_factory=dict)

    def shown(self, rows: list[RowModel] | None = None) -> list[tuple[Any, ...]]:
        """Rows as a scan returns them, sorted."""
        listed = self.rows if rows is None else rows
        return sorted((tuple(row.get(c) for c in self.columns) for row in listed), key=repr)


@dataclass(frozen=True)
class Target:
    """What a writer works on: a stored row, a key that is free, a column, and names of refs."""

    who: str
    row: int
    key: int
    column: str
    ref: str
    old_tag: str
    old_branch: str
    merged: str


SAME = Target("", 2, 12, "label", "t", "x", "y", "z")
APART = {
    "A": Target("A", 1, 11, "note", "t_a", "x_a", "y_a", "z_a"),
    "B": Target("B", 3, 13, "extra", "t_b", "x_b", "y_b", "z_b"),
}
MERGED = {"z": 2, "z_a": 1, "z_b": 3}
"""Branches to merge, and the row whose label they changed since they left main."""


def target(who: str, *, same: bool) -> Target:
    """What writer A or B works on: the same as the other, or something of its own."""
    return Target(who, *list(SAME.__dict__.values())[1:]) if same else APART[who]


FIRST = [
    {"id": 1, "label": "one", "note": "n1", "extra": 0.5},
    {"id": 2, "label": "two", "note": "n2", "extra": None},
    {"id": 3, "label": "three", "note": None, "extra": 1.5},
    {"id": 12, "label": "twelve", "note": "n12", "extra": 2.5},
]


def base_content() -> Content:
    """What ``create_base`` makes."""
    rows = [dict(row) for row in FIRST[:3]]
    rows[1]["label"] = "zwei"
    first = [dict(row) for row in FIRST]
    return Content(
        {"id": "id", "label": "label", "note": "note", "extra": "extra"},
        rows,
        {"v0": first, **dict.fromkeys(("x", "x_a", "x_b"), first)},
        dict.fromkeys(("y", "y_a", "y_b"), first) | {name: _labelled(rows, row, name) for name, row in MERGED.items()},
    )


def _labelled(rows: list[RowModel], row: int, label: str) -> list[RowModel]:
    return [{**r, "label": label} if r["id"] == row else dict(r) for r in rows]


def create_base(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Rows 1, 2 and 3; since tag v0, row 2 was updated and row 12 deleted."""
    call(con, "space_create", path, columns="id BIGINT, label VARCHAR, note VARCHAR, extra DOUBLE", primary_keys=["id"])
    values = ", ".join(f"({r['id']}, '{r['label']}', '{r['note']}', {r['extra']})" for r in FIRST)
    source = f"FROM (VALUES {values}) t(id, label, note, extra)".replace("'None'", "NULL").replace("None", "NULL")
    call(con, "space_append", path, source)
    for name in ("v0", "x", "x_a", "x_b"):
        call(con, "space_tag", path, name)
    for name in ("y", "y_a", "y_b"):
        call(con, "space_branch", path, name)
    call(con, "space_update", path, "label = 'zwei'", "id = 2")
    call(con, "space_delete", path, "id = 12")
    for name, row in MERGED.items():
        call(con, "space_branch", path, name)
        call(con, "space_update", path, f"label = '{name}'", f"id = {row}", branch=name)


def _rows_sql(*rows: tuple[int, str]) -> str:
    return "FROM (VALUES " + ", ".join(f"({key}, '{label}')" for key, label in rows) + ") t(id, label)"


def _put(content: Content, key: int, label: str) -> None:
    """What an upsert of id and label does."""
    stored = [row for row in content.rows if row["id"] == key]
    kept = stored[0] if stored else {}
    content.rows = [row for row in content.rows if row["id"] != key]
    content.rows.append({**kept, "id": key, "label": label})


@dataclass(frozen=True)
class Operation:
    """A write: its SQL function with arguments, and its effect; ``saw`` is what the writer saw when it began."""

    name: str
    arguments: Callable[[Target], tuple[object, ...]]
    effect: Callable[[Content, Content, Target], None]

    @property
    def function(self) -> str:
        return f"space_{self.name.replace(' ', '_')}"

    def run(self, con: duckdb.DuckDBPyConnection, path: Path, on: Target, **named: object) -> tuple[Any, ...]:
        """Call it."""
        if self.name == "merge" and "branch" in named:
            named["target"] = named.pop("branch")
        return call(con, self.function, path, *self.arguments(on), **named)

    def apply(self, content: Content, saw: Content, on: Target) -> Content:
        """The content after it."""
        after = copy.deepcopy(content)
        self.effect(after, saw, on)
        return after


def _append(content: Content, _saw: Content, on: Target) -> None:
    content.rows.append({"id": on.key, "label": f"{on.who} new"})


def _upsert(content: Content, _saw: Content, on: Target) -> None:
    _put(content, on.row, f"{on.who} up")
    _put(content, on.key, f"{on.who} new")


def _update(content: Content, _saw: Content, on: Target) -> None:
    for row in content.rows:
        if row["id"] == on.row:
            row["label"] = f"{on.who} set"


def _delete(content: Content, _saw: Content, on: Target) -> None:
    content.rows = [row for row in content.rows if row["id"] != on.row]


def _overwrite(content: Content, _saw: Content, on: Target) -> None:
    content.rows = [{"id": key, "label": f"{on.who} all"} for key in (on.row, on.key)]


def _restore(content: Content, saw: Content, _on: Target) -> None:
    content.rows = copy.deepcopy(saw.tags["v0"])
    content.columns = base_content().columns


def _tag(content: Content, saw: Content, on: Target) -> None:
    content.tags[on.ref] = copy.deepcopy(saw.rows)


def _branch(content: Content, saw: Content, on: Target) -> None:
    content.branches[on.ref] = copy.deepcopy(saw.rows)


def _drop_tag(content: Content, _saw: Content, on: Target) -> None:
    del content.tags[on.old_tag]


def _drop_branch(content: Content, _saw: Content, on: Target) -> None:
    del content.branches[on.old_branch]


def _add_column(content: Content, _saw: Content, on: Target) -> None:
    content.columns[f"new {on.who}"] = f"new_{on.column}"


def _rename_column(content: Content, _saw: Content, on: Target) -> None:
    content.columns[on.column] = f"{on.who}_{on.column}"


def _drop_column(content: Content, _saw: Content, on: Target) -> None:
    del content.columns[on.column]


def _compact(_content: Content, _saw: Content, _on: Target) -> None:
    """No row changes."""


def _merge(content: Content, _saw: Content, on: Target) -> None:
    for row in content.rows:
        if row["id"] == on.row:
            row["label"] = on.merged


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("append", lambda on: (_rows_sql((on.key, f"{on.who} new")),), _append),
        Operation("insert", lambda on: (_rows_sql((on.key, f"{on.who} new")),), _append),
        Operation("upsert", lambda on: (_rows_sql((on.row, f"{on.who} up"), (on.key, f"{on.who} new")),), _upsert),
        Operation("update", lambda on: (f"label = '{on.who} set'", f"id = {on.row}"), _update),
        Operation("delete", lambda on: (f"id = {on.row}",), _delete),
        Operation(
            "overwrite", lambda on: (_rows_sql((on.row, f"{on.who} all"), (on.key, f"{on.who} all")),), _overwrite
        ),
        Operation("restore", lambda _on: ("v0",), _restore),
        Operation("tag", lambda on: (on.ref,), _tag),
        Operation("branch", lambda on: (on.ref,), _branch),
        Operation("drop tag", lambda on: (on.old_tag,), _drop_tag),
        Operation("drop branch", lambda on: (on.old_branch,), _drop_branch),
        Operation("add column", lambda on: (f"new_{on.column} INTEGER",), _add_column),
        Operation("rename column", lambda on: (on.column, f"{on.who}_{on.column}"), _rename_column),
        Operation("drop column", lambda on: (on.column,), _drop_column),
        Operation("compact", lambda _on: ("64KiB", ["id"]), _compact),
        Operation("merge", lambda on: (on.merged,), _merge),
    )
}
