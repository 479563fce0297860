"""A place for datasets that need not outlive a test: in memory, where the system has such a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A fresh folder that is removed at the end."""
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="space_sql_", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
