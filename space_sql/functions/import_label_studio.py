"""space_import_label_studio: a Label Studio project as three datasets."""

from __future__ import annotations

from dataclasses import replace

from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report
from space_sql.errors import InvalidInputError
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.media import Media
from space_sql.interop.label_studio.source import arrived


def apply(
    session: Session,
    options: Options,
    path: str | None,
    source: str | None,
    project: int | None,
    complete: bool | None,
    media: str | None,
    media_root: str | None,
) -> Report:
    """Bring them up to the source, and tell in a row for each what was done."""
    if source is None or not source.strip():
        raise InvalidInputError("a source is required: the file of an export, or a project's address")
    files = Media.of(media, media_root)
    with arrived(source) as batch:
        found = replace(batch, complete=complete is not False)
        if project is not None:
            found = replace(found, project=project)
        return Report(put(session, path, found, options, files))
