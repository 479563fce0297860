"""Random views over random datasets: after each refresh they hold what their query gives at the recorded versions.

The short form runs in every test run. SPACE_SQL_LONG=1 does thousands of refreshes; SPACE_SQL_SEED is the first seed,
SPACE_SQL_REFRESHES how many, and a failing case is printed as a `.test` file.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.property.views.added import AddedUp
from tests.property.views.search import search

LONG = bool(os.environ.get("SPACE_SQL_LONG"))
SEED = int(os.environ.get("SPACE_SQL_SEED", "0"))
REFRESHES = int(os.environ.get("SPACE_SQL_REFRESHES", "10000" if LONG else "40"))
SHRINK = float(os.environ.get("SPACE_SQL_SHRINK_SECONDS", "180" if LONG else "30"))


INCREMENTAL = {
    *("filter: linear", "projection: linear", "unnest: linear", "union all: linear", "join: terms"),
    *("outer, semi or anti join: touched-keys", "subquery: touched-keys", "correlated subquery: touched-keys"),
    *("group by: touched-keys", "group by: merge", "aggregate: recompute", "having: touched-keys"),
    *("window: touched-keys", "distinct: touched-rows", "union: touched-rows", "except: touched-rows"),
    *("intersect: touched-rows", "order by, limit: recompute"),
}
"""What a long run must have refreshed incrementally."""
WRITES = {f"space_{verb}" for verb in ("append", "insert", "upsert", "update", "delete", "overwrite", "compact")}
WRITES |= {"space_restore", "space_add_column", "space_drop_column", "space_rename_column", "space_append evolve"}
WRITES |= {"space_branch", "space_merge", "space_tag", "CREATE TABLE"}


@pytest.mark.property
def test_a_refreshed_view_holds_what_its_query_gives(capsys: pytest.CaptureFixture[str]) -> None:
    counted, reasons = search(SEED, REFRESHES, shrink_seconds=SHRINK)
    if LONG:
        with capsys.disabled():
            print(f"\n{dict(counted)}\n{reasons.most_common(20)}")  # noqa: T201 - what a long run is for
        wanted = {f"incremental {rule}" for rule in INCREMENTAL} | {f"wrote by {name}" for name in WRITES}
        wanted.add("refreshes to a tag or branch")
        assert not wanted - counted.keys()
    assert counted["refreshes"] >= REFRESHES
    assert counted["policy incremental"] > counted["refreshes"] / 5


@pytest.mark.property
def test_groups_that_are_added_up_hold_what_their_query_gives() -> None:
    counted: Counter[str] = Counter()
    for first in range(SEED, SEED + 1000, 20):
        counted += search(first, max(10, REFRESHES // 50), shrink_seconds=SHRINK, queries=AddedUp)[0]
        if counted["incremental group by: merge"] >= REFRESHES // 10:
            return
    raise AssertionError(counted)
