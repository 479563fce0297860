"""space_compact: few files in the order of the key, in place of many small ones and of deleted rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from space_sql.dataset.compact import Group, choose, commit_on, paths, rewrite
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report, Result, Tip, branch_of, find_repeat, tip_of, transact
from space_sql.errors import InvalidInputError, NotFoundError, near
from space_sql.format.commit import Commit
from space_sql.format.schema import Schema
from space_sql.storage.parquet import FILE_BYTES

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?\s*", re.IGNORECASE)
_LEAST = 1 << 16


def apply(
    session: Session,
    options: Options,
    path: str | None,
    target_file_size: str | None,
    order_by: Sequence[str] | None,
    dry_run: bool | None,
) -> Report:
    """Do it, and tell in one row what was done."""
    view = session.view(path)
    target = _bytes(target_file_size)
    repeat = find_repeat(view.dataset, options)
    if repeat is not None:
        return _report(repeat, [], dry_run=False)
    for apart in (False, True):
        tip = tip_of(view.dataset.view(), branch_of(session, options))
        columns = _columns(tip.state.schema, order_by)
        groups = choose(tip.state, target, all_files=bool(order_by), apart=apart)
        if dry_run:
            return _report(Result(tip.state.snapshot_id, "compact"), groups, dry_run=True)
        groups = rewrite(view.dataset.root, tip.state.schema, groups, target, columns, sync=session.sync)
        result = transact(session, view, options, "compact", partial(_build, session, groups), paths(groups))
        removed = set(view.dataset.log.commit(result.snapshot_id).rewrites_removed)
        placed = [g for g in groups if removed.issuperset(f.number for f in g.files)]
        if placed or not groups:
            break
    return _report(result, placed, dry_run=False)


def _build(session: Session, groups: Sequence[Group], tip: Tip) -> Commit | None:
    return commit_on(tip, groups, sync=session.sync)


def _report(result: Result, groups: Sequence[Group], *, dry_run: bool) -> Report:
    old = [f for g in groups for f in g.files]
    new = [f for g in groups for f in g.merged]
    row = {
        "snapshot_id": result.snapshot_id,
        "operation": "compact",
        "files_removed": len(old),
        "files_added": None if dry_run else len(new),
        "bytes_removed": sum(f.bytes for f in old),
        "bytes_added": None if dry_run else sum(f.bytes for f in new),
        "rows_rewritten": sum(f.live for f in old),
        "deleted_rows_removed": sum(f.deleted for f in old),
    }
    return Report([row])


def _columns(schema: Schema, order_by: Sequence[str] | None) -> list[str]:
    names = {c.name.casefold(): c.name for c in schema.columns}
    for name in order_by or ():
        if name.casefold() not in names:
            raise NotFoundError(f'no column "{name}" to order by.{near(name, names.values())}')
    return [names[n.casefold()] for n in order_by] if order_by else [c.name for c in schema.keys]


def _bytes(text: str | None) -> int:
    if text is None:
        return FILE_BYTES
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InvalidInputError(f"target_file_size is a number of bytes or a size like '64MB', not '{text}'")
    number, unit, binary = found.groups()
    power = " KMGT".index(unit.upper() or " ")
    size = int(float(number) * (1024 if binary else 1000) ** power)
    if size < _LEAST:
        raise InvalidInputError(f"target_file_size is at least {_LEAST} bytes, not {text}")
    return size
