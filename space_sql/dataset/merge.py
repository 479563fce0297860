"""Merge: what a branch did since the common ancestor, done to another one; by primary key, cell by cell.

A target that did nothing of its own takes over the branch's files as they are (a fast-forward). Else only
rows that the branch changed are written. The merged snapshot's second parent is the branch's head, so
merging again finds only what came after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import duckdb
import pyarrow as pa

from space_sql.dataset.ancestry import common_ancestors, ever_had
from space_sql.dataset.append import changed
from space_sql.dataset.check_sql import with_checks_of
from space_sql.dataset.conflict_rows import conflict_rows
from space_sql.dataset.dataset import View
from space_sql.dataset.difference import paired_difference
from space_sql.dataset.engine import cursor
from space_sql.dataset.match import POSITIONS, check_keys, staged
from space_sql.dataset.plan import Plan, source_struct
from space_sql.dataset.rewrite import write_query
from space_sql.dataset.session import Session
from space_sql.dataset.shared_columns import wide_enough
from space_sql.dataset.staging import Staging
from space_sql.dataset.threeway import Resolutions, ThreeWay
from space_sql.dataset.transact import Options, Result, Tip, branch_of, draft
from space_sql.dataset.united import Side, Sides, United, united
from space_sql.dataset.write import Write, plan_fields
from space_sql.errors import ConflictError, InvalidInputError, NotFoundError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.schema import Column, Schema
from space_sql.format.state import State
from space_sql.format.types import BOOLEAN
from space_sql.storage import files as disk
from space_sql.storage.parquet import write_deletes

DELETE = Column(2_147_483_003, "_delete", BOOLEAN)
"""The column of resolutions that is true for rows to be deleted."""
_SHOWN = 3


@dataclass(frozen=True)
class Meeting:
    """Two snapshots and their common ancestors, newest first."""

    bases: tuple[int, ...]
    ours: int
    theirs: int

    @property
    def contained(self) -> bool:
        """Whether the target has all of the branch already."""
        return self.bases == (self.theirs,)

    @property
    def forward(self) -> bool:
        """Whether the target did nothing since the branch began."""
        return self.bases == (self.ours,)


def meeting(view: View, ours: int, theirs: int) -> Meeting:
    """Where the histories of two heads meet."""
    return Meeting(tuple(common_ancestors(view, ours, theirs)), ours, theirs)


def sides_of(view: View, met: Meeting, ours: State, target: str, branch: str) -> Sides:
    """The states that a three-way merge is about; NotFoundError when an ancestor was expired."""
    for base in met.bases:
        if view.refs.has_expired(base):
            raise NotFoundError(
                f"{branch} and {target} cannot be merged: snapshot {base}, which they have in common, was expired. "
                f"space_diff shows how they differ; space_upsert takes over rows. Tag such snapshots to keep them"
            )

    def never(side: Side, column_id: int) -> bool:
        return not ever_had(view, met.ours if side == "ours" else met.theirs, column_id)

    bases = tuple(view.state(base) for base in met.bases)
    return Sides(bases, ours, view.state(met.theirs), target, branch, never)


def strategy_of(text: str | None) -> Side | None:
    """The side that wins conflicts; None when a conflict fails the merge."""
    if text in (None, "fail"):
        return None
    if text not in get_args(Side):
        raise InvalidInputError(f"strategy is 'fail', 'ours' or 'theirs', not '{text}'")
    return text  # type: ignore[return-value]


class Merge(Write):
    """A merge under way: rows of resolutions are staged, then it is put on the target's head."""

    operation = "merge"

    def __init__(
        self,
        session: Session,
        view: View,
        options: Options,
        source_type: str | None,
        from_branch: str | None,
        strategy: str | None,
        *,
        dry_run: bool,
    ) -> None:
        super().__init__(session, view, options)
        self._winner = strategy_of(strategy)
        self._dry_run = dry_run
        if not from_branch:
            raise InvalidInputError("from_branch is required: the branch to merge into the target")
        self._branch, self._target = from_branch, branch_of(session, options)
        if self.repeat is not None:
            return
        self._theirs = view.head(from_branch)
        if source_type is not None:
            self._plan(source_type)

    def _plan(self, source_type: str) -> None:
        """Prepare for staging resolutions: columns of the merged schema, and ``_delete``."""
        head = self.view.head(self._target)
        ours, met = self.view.state(head), meeting(self.view, head, self._theirs)
        schema = ours.schema
        if not (met.contained or met.forward):
            schema = united(sides_of(self.view, met, ours, self._target, self._branch), self._winner).schema
        if DELETE.name not in schema.by_name:
            schema = schema.with_column(DELETE)
        fields = source_struct(source_type).fields
        planned: Plan
        planned, carried = plan_fields(replace(ours, schema=schema), fields, evolve=False)
        given = {c.id for c in planned.columns}
        for key in schema.keys:
            if key.id not in given:
                raise InvalidInputError(f'the resolutions lack the primary key column "{key.name}"')
        self._given = frozenset(given)
        root = self.view.dataset.root
        recorder = planned.recorder(root, ours, sync=self.session.sync)
        converter = planned.converter(carried, recorder)
        self.staging = Staging(root, self.change, converter, planned.columns, recorder=recorder)

    def publish(self, files: list[DataFile]) -> Result:
        """Merge; of the staged resolutions, only records are part of what is committed."""
        if not self._dry_run:
            return super().publish(files)
        try:
            return self._dry(files)
        finally:
            self.abort()

    def _dry(self, files: list[DataFile]) -> Result:
        head = self.view.head(self._target)
        tip = Tip(self.view, self._target, self.view.state(head))
        commit = self.build(tip, files)
        return replace(Result.of(commit), snapshot_id=head) if commit else Result(head, self.operation)

    def build(self, tip: Tip, files: list[DataFile]) -> Commit | None:
        """The merge on this tip; None when the tip has all of the branch."""
        met = meeting(tip.view, tip.state.snapshot_id, self._theirs)
        if met.contained:
            return None
        if met.forward:
            return _forward(tip, self._theirs)
        sides = sides_of(tip.view, met, tip.state, self._target, self._branch)
        merge = ThreeWay(tip.view.dataset.root, sides, united(sides, self._winner), self._winner)
        if files:
            merge = replace(merge, resolutions=self._resolutions(merge, files))
        with cursor() as con:
            _compute(con, merge)
            kept = _kept_columns(con, merge)
            if not kept:
                return self._commit(con, tip, merge)
        merge = replace(merge, united=united(sides, self._winner, kept))
        with cursor() as con:
            _compute(con, merge)
            return self._commit(con, tip, merge)

    def _resolutions(self, merge: ThreeWay, files: Sequence[DataFile]) -> Resolutions:
        schema = merge.united.schema
        delete = DELETE if DELETE.id in self._given else None
        with cursor() as con:
            check_keys(con, staged(merge.root, files, schema))
        return Resolutions(tuple(files), self._given, delete)

    def _commit(self, con: duckdb.DuckDBPyConnection, tip: Tip, merge: ThreeWay) -> Commit:
        _check_doubled(con, merge)
        _check_conflicts(con, merge)
        counts = dict(con.execute("SELECT action, count(*) FROM merged GROUP BY ALL").fetchall())
        commit = draft(
            tip,
            self.operation,
            merge_parent_id=self._theirs,
            rows_inserted=counts.get("insert", 0),
            rows_updated=counts.get("update", 0),
            rows_deleted=counts.get("delete", 0),
            schema=changed(with_checks_of(tip.state.schema, merge.united.schema), tip),
        )
        return commit if self._dry_run else self._written(con, commit, merge, counts)

    def _written(
        self, con: duckdb.DuckDBPyConnection, commit: Commit, merge: ThreeWay, counts: dict[str, int]
    ) -> Commit:
        """The commit with the files that it brings."""
        root, sync = merge.root, self.session.sync
        schema = merge.united.schema
        names = ", ".join(_slot_names(merge.united, schema))
        added: list[DataFile] = []
        try:
            for action in ("insert", "update"):
                if counts.get(action):
                    query = f"SELECT {names} FROM merged WHERE action = '{action}'"
                    added += write_query(con, root, query, schema.columns, action, sync=sync, sources=merge.sources)
            deletes = tuple(
                write_deletes(root, _positions(con, action), action, sync=sync)
                for action in ("delete", "update")
                if counts.get(action)
            )
        except BaseException:
            for file in added:
                disk.remove_quietly(root / file.path)
            raise
        return replace(commit, files_added=tuple(added), deletes_added=deletes)


def _slot_names(merged: United, schema: Schema) -> list[str]:
    names = {s.column.id: s.name for s in (*merged.keys, *merged.kept)}
    return [names[c.id] for c in schema.columns]


def _positions(con: duckdb.DuckDBPyConnection, action: str) -> pa.Table:
    return con.sql(f"SELECT file, pos FROM merged WHERE action = '{action}'").to_arrow_table().cast(POSITIONS)


def _forward(tip: Tip, theirs: int) -> Commit:
    """The branch's files in place of the target's."""
    wanted, now = tip.view.state(theirs), tip.state.files
    schema = with_checks_of(tip.state.schema, wanted.schema)
    removed = tuple(n for n, f in now.items() if wanted.files.get(n) != f)
    added = tuple(f for n, f in wanted.files.items() if now.get(n) != f)
    columns = [wide_enough(c, [tip.state.schema]) for c in wanted.schema.columns]
    rows = paired_difference(tip.view.dataset.root, tip.state, wanted, columns, wanted.schema.primary_keys)
    with cursor() as con:
        counts = dict(con.execute(f"SELECT change, count(*) FROM ({rows}) GROUP BY ALL").fetchall())
    return draft(
        tip,
        "merge",
        merge_parent_id=theirs,
        rows_inserted=counts.get("insert", 0),
        rows_updated=counts.get("update_postimage", 0),
        rows_deleted=counts.get("delete", 0),
        files_removed=removed,
        files_added=added,
        schema=changed(schema, tip),
    )


def _compute(con: duckdb.DuckDBPyConnection, merge: ThreeWay) -> None:
    for step in merge.steps():
        con.execute(f"CREATE TEMP {'TABLE' if step.kept else 'VIEW'} {step.name} AS {step.sql}")


def _kept_columns(con: duckdb.DuckDBPyConnection, merge: ThreeWay) -> frozenset[int]:
    """Columns that the branch dropped and the target edited, where the target wins.

    Raises:
        ConflictError: the other way round: what was dropped cannot come back.
    """
    out = set()
    for slot in merge.united.dropped:
        if merge.winner is None or slot.dropped == merge.winner:
            continue
        ((edits,),) = con.execute(f"SELECT count(*) FROM judged WHERE bad{slot.name}").fetchall()
        if not edits and all(slot.bases):
            continue
        if slot.dropped == "ours":
            sides = merge.sides
            raise ConflictError(
                f'column "{slot.column.name}" was edited on {sides.branch} and dropped on {sides.target}, '
                f"where a merge cannot bring it back; drop it on {sides.branch} too, "
                f"or merge {sides.target} into {sides.branch}"
            )
        out.add(slot.column.id)
    return frozenset(out)


def _check_doubled(con: duckdb.DuckDBPyConnection, merge: ThreeWay) -> None:
    names = ", ".join(s.name for s in merge.united.keys)
    found = con.execute(f"SELECT side, {names} FROM doubled JOIN keys USING (n) ORDER BY n LIMIT 1").fetchall()
    if found:
        side, *key = found[0]
        where = {"ours": merge.sides.target, "theirs": merge.sides.branch, "base": "their common ancestor"}[side]
        raise InvalidInputError(
            f"{_key_text(merge, key)} is there more than once on {where}, so it cannot be merged; "
            "delete the rows too many, or replace them with space_upsert"
        )


def _key_text(merge: ThreeWay, key: Sequence[Any]) -> str:
    parts = [f"{s.column.name} = {v!r}" for s, v in zip(merge.united.keys, key, strict=True)]
    return f"the key {', '.join(parts)}"


def _check_conflicts(con: duckdb.DuckDBPyConnection, merge: ThreeWay) -> None:
    """ConflictError that counts the conflicts and shows the first."""
    if merge.winner is not None:
        return
    listed = f"SELECT count(*) OVER (), * FROM ({conflict_rows(merge)}) ORDER BY key, column_name LIMIT {_SHOWN}"
    rows = con.execute(listed).fetchall()
    if not rows:
        return
    total, sides = rows[0][0], merge.sides
    shown = "; ".join(_shown(merge, row[1:]) for row in rows)
    more = f"; and {total - len(rows)} more" if total > len(rows) else ""
    raise ConflictError(
        f"{sides.branch} and {sides.target} have {total} conflict{'s' if total > 1 else ''}: {shown}{more}. "
        "space_conflicts lists them; pass resolutions, or strategy => 'ours' or 'theirs'"
    )


def _shown(merge: ThreeWay, row: Sequence[Any]) -> str:
    key, kind, column, base, ours, theirs = row
    kind = kind.replace("_by_ours", f" on {merge.sides.target}").replace("_by_theirs", f" on {merge.sides.branch}")
    where = f'column "{column}"' if column is not None else "row"
    if key is None:
        return f"{where} {kind} ({ours} on {merge.sides.target}, {theirs} on {merge.sides.branch})"
    at = ", ".join(f"{name} = {value!r}" for name, value in key.items())
    return f"{where} of {at} {kind} (was {base}, {ours} on {merge.sides.target}, {theirs} on {merge.sides.branch})"
