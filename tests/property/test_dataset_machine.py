"""The dataset machine: a short form in every run, a long one with SPACE_SQL_LONG=1."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.property.machine import DatasetMachine

LONG = bool(os.environ.get("SPACE_SQL_LONG"))

TestDatasetMachine = pytest.mark.property(DatasetMachine.TestCase)
TestDatasetMachine.settings = settings(
    max_examples=int(os.environ.get("SPACE_SQL_EXAMPLES", "400" if LONG else "12")),
    stateful_step_count=40 if LONG else 30,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    phases=[phase for phase in Phase if phase is not Phase.shrink or not os.environ.get("SPACE_SQL_NO_SHRINK")],
    suppress_health_check=list(HealthCheck),
)
