"""space_push_label_studio: rows as tasks and predictions of a Label Studio project."""

from __future__ import annotations

from space_sql.dataset.rows import Rows
from space_sql.dataset.session import Session
from space_sql.dataset.source import source_query
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.push import Push


def rows(session: Session, options: Options, url: str | None, source: str | None, model_version: str | None) -> Rows:
    """The rows to push."""
    query = f"FROM {source_query(source)}"
    return Rows(query, query)


def begin(
    session: Session,
    options: Options,
    source_type: str | None,
    url: str | None,
    source: str | None,
    model_version: str | None,
) -> Push:
    """What takes those rows."""
    return Push(url, source_type, model_version)
