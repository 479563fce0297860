"""The SQL of `sql/label_studio`."""

from __future__ import annotations

import functools
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


@functools.cache
def statements(name: str) -> str:
    """The text of a file; in the package when it is installed, where it lies in a checkout otherwise."""
    inside = _PACKAGE / "sql" / "label_studio" / f"{name}.sql"
    path = inside if inside.exists() else _PACKAGE.parent / "sql" / "label_studio" / f"{name}.sql"
    return path.read_text(encoding="utf-8")
