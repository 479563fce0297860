"""Files that come with the package: in it when it is installed, where they lie in a checkout otherwise."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str, checkout: str | None = None) -> Path:
    """A file or folder by its path in the package; ``checkout`` is its path in a checkout, where that is another."""
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / (checkout or name)
