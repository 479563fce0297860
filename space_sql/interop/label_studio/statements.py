"""The SQL of `sql/label_studio`."""

from __future__ import annotations

import functools

from space_sql.storage.shipped import shipped


@functools.cache
def statements(name: str) -> str:
    """The text of a file."""
    return shipped(f"sql/label_studio/{name}.sql").read_text(encoding="utf-8")
