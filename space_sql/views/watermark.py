"""The definition and source positions that a materialized view has at a snapshot."""

from __future__ import annotations

from space_sql.dataset.dataset import View
from space_sql.errors import InvalidInputError
from space_sql.views.definition import Definition


def watermark(view: View, snapshot_id: int) -> Definition:
    """What the newest snapshot up to this one says; InvalidInputError when the dataset is no view."""
    at: int | None = snapshot_id
    while at is not None:
        commit = view.commit(at)
        if commit.view is not None:
            return Definition.decode(commit.view)
        at = commit.parent_id
    raise InvalidInputError(f"{view.dataset.root} is a dataset, not a materialized view: space_materialize makes one")
