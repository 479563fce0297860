"""space_conflicts: what keeps two branches from merging."""

from __future__ import annotations

from space_sql.dataset.session import Session
from space_sql.errors import InvalidInputError
from space_sql.format.names import MAIN


def read(session: Session, path: str | None, from_branch: str | None, target: str | None) -> str:
    """SQL for one row a conflict."""
    if not from_branch:
        raise InvalidInputError("from_branch is required: the branch to merge into the target")
    session.check_collation()
    from space_sql.dataset.conflicts import conflicts_sql  # with Arrow, which other reads do without

    return conflicts_sql(session.view(path), from_branch, target or MAIN)
