"""Where two histories meet: the nearest common ancestors of two snapshots, over both parents of merges."""

from __future__ import annotations

import heapq

from space_sql.dataset.dataset import View

_OURS, _THEIRS, _BEHIND = 1, 2, 4
_BOTH = _OURS | _THEIRS


def common_ancestors(view: View, ours: int, theirs: int) -> list[int]:
    """The common ancestors that no other common ancestor descends from, newest first.

    There is one, unless the branches were merged into each other crosswise. Parents have smaller ids than
    their children, so each snapshot between the heads and the ancestors is looked at once.
    """
    marks = {ours: _OURS}
    marks[theirs] = marks.get(theirs, 0) | _THEIRS
    waiting = [-i for i in marks]
    heapq.heapify(waiting)
    found: list[int] = []
    while any(not marks[-i] & _BEHIND for i in waiting):
        at = -heapq.heappop(waiting)
        mark = marks.pop(at)
        if mark & _BOTH == _BOTH and not mark & _BEHIND:
            found.append(at)
            mark |= _BEHIND
        for parent in parents(view, at):
            if parent not in marks:
                heapq.heappush(waiting, -parent)
            marks[parent] = marks.get(parent, 0) | mark
    return found


def parents(view: View, snapshot_id: int) -> list[int]:
    """The snapshot that a commit was put on, and the one that it merged."""
    commit = view.commit(snapshot_id)
    return [p for p in (commit.parent_id, commit.merge_parent_id) if p is not None]


def ever_had(view: View, head: int, column_id: int) -> bool:
    """Whether a column was in the schema of any snapshot on the way from a head to the first one, by first parents."""
    at: int | None = head
    while at is not None:
        commit = view.commit(at)
        if commit.schema is not None and column_id in commit.schema.by_id:
            return True
        at = commit.parent_id
    return False
