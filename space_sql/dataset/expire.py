"""Expiry: forgetting snapshots that no tag and no branch needs, nor a merge of two branches.

The entry in the log says which; their files stay until ``space_vacuum`` removes them.

Source: docs/format.md, section "Expiry".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from space_sql.dataset.ancestry import meeting_points
from space_sql.dataset.dataset import View
from space_sql.dataset.reach import paths_of_state, reachable
from space_sql.dataset.transact import Tip, draft
from space_sql.errors import InvalidInputError
from space_sql.format.commit import Commit, Ranges
from space_sql.format.state import united


@dataclass(frozen=True)
class Rule:
    """Which snapshots to forget: those before a time and beyond the newest of each branch; or named ones."""

    before: int | None = None
    keep_last: int | None = None
    versions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.before is None and self.keep_last is None and not self.versions:
            raise InvalidInputError("say what to expire: older_than, keep_last or versions")
        if self.keep_last is not None and self.keep_last < 1:
            raise InvalidInputError("keep_last is at least 1: the head of a branch is always kept")


def chosen(view: View, rule: Rule) -> list[int]:
    """Ids of the entries that a rule expires now, in order."""
    pinned = {*view.refs.branches.values(), *view.refs.tags.values()}
    meetings = meeting_points(view)
    if rule.versions:
        wanted = {view.resolve(version) for version in rule.versions}
        for snapshot_id in sorted(wanted & pinned):
            names = [n for n, s in {**view.refs.tags, **view.refs.branches}.items() if s == snapshot_id]
            raise InvalidInputError(f"snapshot {snapshot_id} is kept by {', '.join(sorted(names))}; drop that first")
        for snapshot_id in sorted(wanted & meetings.keys()):
            raise InvalidInputError(
                f"snapshot {snapshot_id} is kept for space_merge: the histories of "
                f"{', '.join(sorted(meetings[snapshot_id]))} meet there; merge them both ways, or drop a branch"
            )
        return sorted(wanted)
    kept = pinned | meetings.keys() | (_newest(view, rule.keep_last) if rule.keep_last is not None else set())
    last = view.refs.snapshot_id if rule.before is None else view.entry_at(rule.before - 1)
    if last is None:
        return []
    return [i for i in range(last + 1) if i not in kept and not view.refs.has_expired(i)]


def _newest(view: View, count: int) -> set[int]:
    """The newest snapshots of every branch."""
    out: set[int] = set()
    for head in view.refs.branches.values():
        at: int | None = head
        for _ in range(count):
            if at is None:
                break
            out.add(at)
            at = view.commit(at).parent_id
    return out


def as_ranges(ids: Iterable[int]) -> Ranges:
    """Ids as ranges."""
    return united(tuple((i, i) for i in ids))


def commit_on(tip: Tip, rule: Rule) -> Commit | None:
    """The entry that expires what the rule says of this tip."""
    ids = [] if tip.own else chosen(tip.view, rule)
    return draft(tip, "expire", expired=as_ranges(ids)) if ids else None


def freed(view: View, ids: Sequence[int]) -> dict[int, int]:
    """Bytes that vacuum can free when snapshots are expired, by the last of them that has a file."""
    after = replace(view.refs, expired=united(view.refs.expired, as_ranges(ids)))
    remaining = reachable(view.dataset.log, after)
    owner: dict[str, tuple[int, int]] = {}
    for snapshot_id in ids:
        if view.dataset.log.commit(snapshot_id).advances:
            for path, size in paths_of_state(view.dataset.log.state(snapshot_id)).items():
                if path not in remaining:
                    owner[path] = (snapshot_id, size)
    out: dict[int, int] = {}
    for snapshot_id, size in owner.values():
        out[snapshot_id] = out.get(snapshot_id, 0) + size
    return out
