"""Libraries that are missing are named with the extra that brings them."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize("name", ["torch", "grain", "tensorflow", "datasets", "ray"])
def test_a_missing_library_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"space_sql.training.{name}", raising=False)
    with pytest.raises(ImportError, match=rf"{name}.* is not installed: pip install 'space-sql\[{name}\]'"):
        importlib.import_module(f"space_sql.training.{name}")
