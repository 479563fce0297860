"""space_expire: forget snapshots that no tag and no branch needs."""

from __future__ import annotations

from collections.abc import Sequence

from space_sql.dataset.dataset import View
from space_sql.dataset.expire import Rule, chosen, commit_on, freed
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report, transact
from space_sql.errors import InvalidInputError
from space_sql.functions.table import timestamp


def apply(
    session: Session,
    options: Options,
    path: str | None,
    older_than: str | None,
    before: int | None,
    keep_last: int | None,
    versions: Sequence[str] | None,
    dry_run: bool | None,
) -> Report:
    """Do it, and list the snapshots."""
    if older_than is not None and before is None:
        raise InvalidInputError(f"older_than is a TIMESTAMPTZ or an INTERVAL, not '{older_than}'")
    rule = Rule(before, keep_last, tuple(versions or ()))
    view = session.view(path).dataset.view()
    if dry_run:
        return _report(view, chosen(view, rule))
    result = transact(session, view, options, "expire", lambda tip: commit_on(tip, rule))
    done = view.dataset.log.commit(result.snapshot_id)
    return _report(view, [i for first, last in done.expired for i in range(first, last + 1)])


def _report(view: View, ids: Sequence[int]) -> Report:
    sizes = freed(view, ids)
    commits = [view.dataset.log.commit(i) for i in ids]
    return Report(
        [
            {
                "snapshot_id": c.snapshot_id,
                "snapshot_time": timestamp(c.time),
                "branch": c.branch,
                "operation": c.operation,
                "message": c.message,
                "freed_bytes": sizes.get(c.snapshot_id, 0),
            }
            for c in commits
        ]
    )
