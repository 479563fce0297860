"""Making log entries by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from space_sql.format.paths import entry_path

_CHECKSUM = b',"checksum":"'


def read_entry(path: Path, snapshot_id: int) -> dict[str, Any]:
    """The members of an entry, without its checksum."""
    members: dict[str, Any] = orjson.loads((path / entry_path(snapshot_id)).read_bytes())
    del members["checksum"]
    return members


def write_entry(path: Path, snapshot_id: int, members: dict[str, Any]) -> None:
    """An entry with a checksum that fits."""
    text = orjson.dumps(members)[:-1]
    checksum = hashlib.sha256(text).hexdigest().encode()
    (path / entry_path(snapshot_id)).write_bytes(text + _CHECKSUM + checksum + b'"}')
