"""When `auto` computes a view anew though there is a rule."""

from __future__ import annotations

import pytest

from space_sql.views.cost import LARGE, check
from space_sql.views.relation import NoRule

TOTAL = 10 * LARGE


@pytest.mark.parametrize(
    ("rules", "changed", "held", "code"),
    [
        ({"changes", "linear"}, TOTAL // 3, TOTAL, None),
        ({"changes", "linear", "terms"}, TOTAL * 11 // 10, TOTAL, "change-too-large"),
        ({"changes", "merge"}, TOTAL // 100, 1000, None),
        ({"changes", "merge"}, TOTAL // 10, 1000, "change-too-large"),
        ({"changes", "terms", "merge"}, TOTAL // 10, 1000, None),
        ({"changes", "terms", "merge"}, TOTAL // 4, 1000, "change-too-large"),
        ({"changes", "touched-keys"}, 1000, 1000, "change-too-large"),
        ({"changes", "touched-keys"}, 1000, TOTAL, None),
        ({"changes", "touched-rows"}, TOTAL // 3, TOTAL, "change-too-large"),
        ({"changes", "linear", "recompute"}, 1, TOTAL, "full-is-cheaper"),
    ],
)
def test_large_sources_are_read_whole_where_that_is_cheaper(
    rules: set[str], changed: int, held: int, code: str | None
) -> None:
    check(rules, changed, LARGE, held)
    if code is None:
        check(rules, changed, TOTAL, held)
    else:
        with pytest.raises(NoRule) as told:
            check(rules, changed, TOTAL, held)
        assert told.value.code == code
