"""space_set_comment: words for a dataset or a column."""

from __future__ import annotations

from space_sql.dataset.comments import set_comment
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Result


def apply(session: Session, options: Options, path: str | None, comment: str | None, column_name: str | None) -> Result:
    """Commit it."""
    return set_comment(session, session.view(path), options, comment, column_name)
