"""The definition and source positions that a materialized view has at a snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from space_sql.dataset.dataset import View
from space_sql.dataset.restore import view_at
from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError
from space_sql.format.commit import Commit
from space_sql.format.names import MAIN
from space_sql.views.definition import Definition


def watermark(view: View, snapshot_id: int) -> Definition:
    """What the newest snapshot up to this one says; InvalidInputError when the dataset is no view."""
    told = view_at(view, snapshot_id)
    if told is None:
        raise InvalidInputError(
            f"{view.dataset.root} is a dataset, not a materialized view: space_materialize makes one"
        )
    return Definition.decode(told)


def refreshed(session: Session, view: View) -> Iterator[tuple[Commit, Definition]]:
    """The snapshots of the session's branch that say what the view is, newest first; those that expired are left out.

    Raises:
        InvalidInputError: the dataset is no view.
    """
    head = view.head(session.branch or MAIN)
    watermark(view, head)
    at: int | None = head
    while at is not None:
        commit = view.commit(at)
        if commit.view is not None and not view.refs.has_expired(at):
            yield commit, Definition.decode(commit.view)
        at = commit.parent_id
