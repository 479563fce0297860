"""Every path name inside a dataset folder, and the check that none leaves it.

Source: docs/format.md, section "Folder".
"""

from __future__ import annotations

import re
import uuid
from pathlib import PurePosixPath

from space_sql.errors import FormatError

FORMAT_VERSION = 1
MARKER = "space.json"
LOG = "log"
DATA = "data"
DELETES = "deletes"
RECORDS = "records"
COMPUTED = "computed"

ENTRY = ".json"
"""How the names of commits end."""
_ENTRY = re.compile(r"^(\d{20})\.json$")


def entry_path(snapshot_id: int) -> str:
    """Path of a commit, relative to the dataset folder."""
    return f"{LOG}/{snapshot_id:020d}.json"


def checkpoint_path(snapshot_id: int) -> str:
    """Path of a checkpoint, relative to the dataset folder."""
    return f"{LOG}/{snapshot_id:020d}.checkpoint.parquet"


def entry_id(name: str) -> int | None:
    """Snapshot id of a file name in the log folder, None when it is not a commit."""
    match = _ENTRY.match(name)
    return int(match.group(1)) if match else None


def new_data_path() -> str:
    """A fresh path for a data file."""
    return f"{DATA}/{uuid.uuid4()}.parquet"


def new_deletes_path() -> str:
    """A fresh path for a file of deleted positions."""
    return f"{DELETES}/{uuid.uuid4()}.parquet"


def checked(path: object) -> str:
    """Return a path read from metadata; raise FormatError when it could leave the folder."""
    if isinstance(path, str) and path:
        parts = PurePosixPath(path)
        if not parts.is_absolute() and ".." not in parts.parts and "\\" not in path and "\x00" not in path:
            return path
    raise FormatError(f"the commit log names the file {path!r}, which is not inside the dataset folder")
