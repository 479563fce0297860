"""Where two histories meet: the nearest common ancestors of two snapshots, over both parents of merges."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import reduce
from operator import or_

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


def meeting_points(view: View) -> dict[int, list[str]]:
    """The snapshots at which histories of branches meet, and the branches: merging two of them needs these."""
    names = list(view.refs.branches)
    everyone = (1 << len(names)) - 1
    told: dict[int, set[int]] = {}
    """For each snapshot still to be looked at, what each child and ref says: the branches that have it, as bits."""
    for number, head in enumerate(view.refs.branches.values()):
        told[head] = {sum(told.get(head, ())) | 1 << number}
    waiting = [-i for i in told]
    heapq.heapify(waiting)
    partial = sum(everyone not in marks for marks in told.values())
    found: dict[int, list[str]] = {}
    while partial:  # further back, one child alone leads to all branches
        at = -heapq.heappop(waiting)
        marks = told.pop(at)
        partial -= everyone not in marks
        mark = reduce(or_, marks)
        if mark not in marks and any(reduce(or_, (m for m in marks if m & bit)) != mark for bit in _bits(mark)):
            found[at] = [name for number, name in enumerate(names) if mark >> number & 1]
        for parent in parents(view, at):
            if parent not in told:
                heapq.heappush(waiting, -parent)
                told[parent] = set()
                partial += 1
            if mark == everyone and everyone not in told[parent]:
                partial -= 1
            told[parent].add(mark)
    return found


def _bits(mark: int) -> Iterator[int]:
    while mark:
        yield mark & -mark
        mark &= mark - 1


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
