"""The SQL of the commands, and the sample data."""

from __future__ import annotations

from pathlib import Path

from space_sql.storage.shipped import shipped


def shipped_sql(name: str) -> str:
    """The text of a file of the folder `sql/`."""
    return shipped(f"sql/{name}").read_text(encoding="utf-8")


def sample(name: str) -> Path:
    """A file of the sample data."""
    return shipped(f"sample/{name}", f"tests/data/label_studio/{name}")
