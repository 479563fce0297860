"""Files that come with the package: in it when installed, where they lie in a checkout otherwise."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_sql(name: str) -> str:
    """The text of a file of the folder `sql/`."""
    return _first("sql", "sql", name).read_text(encoding="utf-8")


def sample(name: str) -> Path:
    """A file of the sample data."""
    return _first("sample", "tests/data/label_studio", name)


def _first(installed: str, checkout: str, name: str) -> Path:
    inside = _PACKAGE / installed / name
    return inside if inside.exists() else _PACKAGE.parent / checkout / name
