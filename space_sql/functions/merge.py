"""space_merge: see space_sql.dataset.merge."""

from __future__ import annotations

from space_sql.dataset.merge import Merge
from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.dataset.write import source_rows

_NO_ROWS = "SELECT NULL AS none WHERE false"


def rows(
    session: Session,
    options: Options,
    path: str | None,
    from_branch: str | None,
    strategy: str | None,
    resolutions: str | None,
    dry_run: bool | None,
) -> Rows:
    """The resolutions to stage."""
    if resolutions is None:
        return Rows(_NO_ROWS, _NO_ROWS)
    return source_rows(session, session.view(path), options, resolutions)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    path: str | None,
    from_branch: str | None,
    strategy: str | None,
    resolutions: str | None,
    dry_run: bool | None,
) -> Merge:
    """The write that takes them."""
    given = source_type if resolutions is not None else None
    return Merge(session, session.view(path), options, given, from_branch, strategy, dry_run=bool(dry_run))
