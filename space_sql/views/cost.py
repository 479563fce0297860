"""When a full refresh is cheaper than an incremental one. The limits are measured: benchmarks/views.md."""

from __future__ import annotations

from collections.abc import Collection

from space_sql.views.relation import NoRule

LARGE = 1_000_000
"""Source rows, up to which either refresh costs little."""
LINEAR, MERGE, MERGE_OF_JOIN = 1.0, 0.05, 0.2
"""How many rows may change for a row of the sources: where they come in as they are, are added to groups, or are joined
first, which a full refresh does with all of them."""
TOUCHED = 0.25
"""How many changed rows there may be for a row of the view, where each makes others of its key be computed."""


def check(rules: Collection[str], changed: int, total: int, held: int) -> None:
    """Raise NoRule where a full refresh is cheaper: of ``total`` source rows ``changed``, the view has ``held``."""
    if total <= LARGE:
        return
    if "recompute" in rules:
        raise NoRule("full-is-cheaper", "an operator over all rows would be computed twice, as it was and as it is")
    limit = LINEAR
    if "merge" in rules:
        limit = MERGE_OF_JOIN if "terms" in rules else MERGE
    if changed > limit * total:
        raise NoRule("change-too-large", f"{changed} of {total} source rows changed")
    if any(rule.startswith("touched") for rule in rules) and changed > TOUCHED * held:
        raise NoRule("change-too-large", f"{changed} changed rows may touch most of the view's {held}")
