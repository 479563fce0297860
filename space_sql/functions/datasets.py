"""space_datasets: every dataset below a folder."""

from __future__ import annotations

from space_sql.dataset.dataset import find_datasets, folder
from space_sql.dataset.session import Session
from space_sql.errors import NotFoundError
from space_sql.functions.info import COLUMNS, describe
from space_sql.functions.table import table_sql


def read(session: Session, folder_path: str | None) -> str:
    """SQL for one row a dataset, as of its main branch, in path order."""
    root = folder(folder_path)
    if not root.is_dir():
        raise NotFoundError(f"no folder at {root}")
    return table_sql(COLUMNS, [describe(session.view(str(path)), None) for path in find_datasets(root)])
