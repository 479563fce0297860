"""Where histories meet, beside the definition: histories are random, with merges."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from space_sql.dataset.ancestry import common_ancestors, meeting_points

Parents = list[tuple[int, ...]]


@st.composite
def histories(draw: st.DrawFn) -> Parents:
    """The parents of each snapshot; they are older."""
    out: Parents = [()]
    for number in range(1, draw(st.integers(1, 14))):
        older = st.integers(max(0, number - 5), number - 1)
        out.append(tuple(draw(st.lists(older, min_size=1, max_size=2, unique=True))))
    return out


def _view(parents: Parents, heads: list[int]) -> Any:
    def commit(number: int) -> Any:
        first, second = (*parents[number], None, None)[:2]
        return SimpleNamespace(parent_id=first, merge_parent_id=second)

    refs = SimpleNamespace(branches={f"b{i}": head for i, head in enumerate(heads)})
    return SimpleNamespace(refs=refs, commit=commit)


def _ancestors(parents: Parents, number: int) -> set[int]:
    return {number}.union(*(_ancestors(parents, p) for p in parents[number]))


def _bases(parents: Parents, first: int, second: int) -> list[int]:
    common = _ancestors(parents, first) & _ancestors(parents, second)
    return sorted((b for b in common if not any(b != c and b in _ancestors(parents, c) for c in common)), reverse=True)


@settings(max_examples=300, deadline=None)
@given(parents=histories(), data=st.data())
def test_common_ancestors_are_those_that_no_other_descends_from(parents: Parents, data: st.DataObject) -> None:
    some = st.integers(0, len(parents) - 1)
    first, second = data.draw(some), data.draw(some)
    assert common_ancestors(_view(parents, []), first, second) == _bases(parents, first, second)


@settings(max_examples=300, deadline=None)
@given(parents=histories(), data=st.data())
def test_meeting_points_are_the_common_ancestors_of_any_two_branches(parents: Parents, data: st.DataObject) -> None:
    heads = data.draw(st.lists(st.integers(0, len(parents) - 1), min_size=1, max_size=5))
    wanted = {b for one, other in combinations(heads, 2) for b in _bases(parents, one, other)}
    found = meeting_points(_view(parents, heads))
    assert found.keys() - set(heads) == wanted - set(heads)
    for snapshot, names in found.items():
        assert {f"b{i}" for i, head in enumerate(heads) if snapshot in _ancestors(parents, head)} == set(names)
