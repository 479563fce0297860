"""A file over HTTP: an image or a recording that a task names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from space_sql.errors import InvalidInputError, NotFoundError
from space_sql.format.records import RECORD_BYTES
from space_sql.interop.label_studio.patience import Busy, check_busy, library, patiently

if TYPE_CHECKING:
    import httpx

_ATTEMPTS = 5
_PAUSE = 0.4
_TIMEOUT = 60.0


def fetch_public(address: str, file: Path) -> None:
    """Write what is at an address into a file, as anyone may.

    Raises:
        InvalidInputError: it is no address, or asks who we are, or there is too much of it.
        NotFoundError: there is nothing.
        StorageError: the server does not answer.
    """
    if not address.startswith(("http://", "https://")):
        raise InvalidInputError(
            f'a task names "{address}", which is no address: give the folder of the files as media_root'
        )
    with library().Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        patiently(lambda: download(client, address, file), f"GET {address}", _ATTEMPTS, _PAUSE)


def download(client: httpx.Client, address: str, file: Path, renew: Callable[[], bool] = lambda: False) -> None:
    """One attempt; ``renew`` is asked whether one that was not allowed may be in the next."""
    with client.stream("GET", address) as answer:
        check_busy(answer)
        status = answer.status_code
        if status == 401 and renew():
            raise Busy(status, 0.0)
        if status in (404, 410):
            raise NotFoundError(f'a task names "{address}", and there is no such file ({status})')
        if status >= 400:
            raise InvalidInputError(f'a task names "{address}", which cannot be had ({status})')
        size = 0
        with file.open("wb") as out:
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > RECORD_BYTES:
                    raise InvalidInputError(
                        f'"{address}" has more than {RECORD_BYTES:,} bytes, which a record can have'
                    )
                out.write(piece)
