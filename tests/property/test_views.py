"""Random views over random datasets: after each refresh they hold what their query gives at the recorded versions.

The short form runs in every test run. SPACE_SQL_LONG=1 does thousands of refreshes; SPACE_SQL_SEED is the first seed,
SPACE_SQL_REFRESHES how many, and a failing case is printed as a `.test` file.
"""

from __future__ import annotations

import os

import pytest

from tests.property.views.added import AddedUp
from tests.property.views.search import search

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
SEED = int(os.environ.get("SPACE_SQL_SEED", "0"))
REFRESHES = int(os.environ.get("SPACE_SQL_REFRESHES", "10000" if LONG else "40"))
SHRINK = float(os.environ.get("SPACE_SQL_SHRINK_SECONDS", "180" if LONG else "30"))


@pytest.mark.property
def test_a_refreshed_view_holds_what_its_query_gives(capsys: pytest.CaptureFixture[str]) -> None:
    counted, reasons = search(SEED, REFRESHES, shrink_seconds=SHRINK)
    with capsys.disabled():
        if LONG:
            print(f"\n{dict(counted)}\n{reasons.most_common(20)}")  # noqa: T201 - what a long run is for
    assert counted["refreshes"] >= REFRESHES
    assert counted["policy incremental"] > counted["refreshes"] / 5


@pytest.mark.property
def test_groups_that_are_added_up_hold_what_their_query_gives() -> None:
    refreshes = max(10, REFRESHES // 5)
    counted, _ = search(SEED, refreshes, shrink_seconds=SHRINK, queries=AddedUp)
    assert counted["refreshes with merge"] > counted["refreshes"] / 5
