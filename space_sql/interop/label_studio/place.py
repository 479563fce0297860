"""What is kept beside the three datasets of a folder: how far a sync came, what it fetched, and events that wait."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from space_sql.errors import ConflictError
from space_sql.storage import files

_FOLDER = ".label-studio"


class Place:
    """The folder's hidden part; nothing in it is needed to read the datasets, and without it a sync begins anew."""

    def __init__(self, root: Path) -> None:
        self.root = root / _FOLDER

    @property
    def queue(self) -> Path:
        """Events that were accepted and wait to be written."""
        return self._made("queue")

    @property
    def rejected(self) -> Path:
        """Events that say nothing that can be written."""
        return self._made("rejected")

    def parts(self, project: int) -> Path:
        """Parts of an export that were fetched and wait for the others."""
        return self._made(f"parts-{project}")

    @staticmethod
    def unfinished(project: int) -> str:
        """How the names of folders begin that a sync needs only while it runs."""
        return f"export-{project}-"

    def tidy(self, project: int) -> None:
        """Remove such folders of syncs that were killed."""
        for left in self.root.glob(f"{self.unfinished(project)}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _made(self, name: str) -> Path:
        folder = self.root / name
        with files.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def progress(self, project: int) -> dict[str, Any]:
        """How far the sync of a project came."""
        data = files.read(self.root / f"project-{project}.json")
        if data is None:
            return {}
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError:  # written whole or not at all; damaged by others, so begin anew
            return {}
        return found if isinstance(found, dict) else {}

    def keep_progress(self, project: int, progress: dict[str, Any]) -> None:
        """Remember it, durably."""
        self.root.mkdir(parents=True, exist_ok=True)
        files.replace(self.root / f"project-{project}.json", orjson.dumps(progress), sync=True)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Be the only one of a kind at work in the folder.

        Raises:
            ConflictError: there is another.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with files.explained(self.root), (self.root / f"{what}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(f"another {what} is at work in {self.root.parent}") from error
            yield
