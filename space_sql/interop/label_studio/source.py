"""What a project is read from: the file of an export, or its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from space_sql.errors import NotFoundError
from space_sql.interop.label_studio.batch import Batch


@contextmanager
def arrived(source: str) -> Iterator[Batch]:
    """All of a project, as long as the block lasts.

    Raises:
        NotFoundError: there is no such file or project.
        InvalidInputError, StorageError: see ``Server``.
    """
    if source.startswith(("http://", "https://")):
        from space_sql.interop.label_studio.server import Server

        with Server(source) as server, server.export() as file:
            yield Batch(file=file, project=server.project, users=server.users(), fetch=server.fetch)
        return
    file = Path(source).expanduser().absolute()
    if not file.is_file():
        raise NotFoundError(f"no file at {file}; a project's address begins with http:// or https://")
    yield Batch(file=file)
