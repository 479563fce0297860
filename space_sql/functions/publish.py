"""space_publish: a plain DuckDB file of views over the datasets below a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from space_sql.dataset.dataset import folder
from space_sql.dataset.publish import checked_versions, publish
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, Report
from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.storage.files import explained


def apply(
    _session: Session,
    _options: Options,
    folder_path: str | None,
    file: str | None,
    versions: Sequence[str | None] | None,
) -> Report:
    """Write the file, and tell what it shows."""
    root = folder(folder_path)
    with explained(root):
        found = root.is_dir()
    if not found:
        raise NotFoundError(f"no folder at {root}")
    if not file:
        raise InvalidInputError("the name of a file is required")
    return Report([asdict(row) for row in publish(root, folder(file), checked_versions(versions))])
