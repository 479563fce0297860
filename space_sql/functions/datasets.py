"""space_datasets: every dataset below a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from space_sql.dataset.dataset import find_datasets, folder
from space_sql.dataset.session import Session
from space_sql.errors import NotFoundError, SpaceError
from space_sql.functions.info import COLUMNS, describe
from space_sql.functions.table import table_sql
from space_sql.storage.files import explained


def read(session: Session, folder_path: str | None) -> str:
    """SQL for one row a dataset, as of its main branch, in path order."""
    root = folder(folder_path)
    with explained(root):
        found = root.is_dir()
    if not found:
        raise NotFoundError(f"no folder at {root}")
    return table_sql({**COLUMNS, "problem": "VARCHAR"}, [_row(session, path) for path in find_datasets(root)])


def _row(session: Session, path: Path) -> dict[str, Any]:
    """A dataset's row; one that cannot be read is listed with its problem."""
    try:
        return describe(session.view(str(path)), None)
    except SpaceError as error:
        return {"path": str(path), "problem": error.line}
