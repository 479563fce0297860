"""Anything may be passed to any function, from several connections at once: see fuzz.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extension.conftest import ROOT
from tests.hosts.extension import built

LONG = os.environ.get("SPACE_SQL_LONG") == "1"


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(20) if LONG else [1])
def test_the_host_lives_on_whatever_functions_are_given(seed: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.extension.fuzz", str(built()), str(seed), "30" if LONG else "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPACE_SQL_SYNC": "off"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "unclean" not in done.stdout, done.stdout
