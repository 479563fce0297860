"""Random views find a rule that is wrong, and tell of it as a small `.test` file that fails with it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from space_sql.views import relation
from space_sql.views.block import Block
from space_sql.views.compiled import compiled
from space_sql.views.relation import WEIGHT, Build
from space_sql.views.rules import linear
from tests.hosts import here
from tests.property.views.cases import Case
from tests.property.views.search import search
from tests.sqllogic import Failed, run_file

Patch = Callable[[pytest.MonkeyPatch], None]


def the_first_change_of_a_join_alone(patch: pytest.MonkeyPatch) -> None:
    def delta(build: Build, block: Block, columns: Sequence[tuple[str, str]]) -> str:
        return "\nUNION ALL\n".join(linear.step(build, block, i, columns) for i in list(block.changed)[:1])

    patch.setattr(linear, "delta", delta)


def rows_never_go(patch: pytest.MonkeyPatch) -> None:
    right = relation.netted
    patch.setattr(
        relation,
        "netted",
        lambda *given: right(*given).replace(f"HAVING sum({WEIGHT}) <> 0", f"HAVING sum({WEIGHT}) > 0"),
    )


def keys_without_null(patch: pytest.MonkeyPatch) -> None:
    right = Build.keys

    def keys(self: Build, columns: Sequence[tuple[str, str]], weighted: str) -> str:
        there = " AND ".join(f'"{name}" IS NOT NULL' for name, _ in columns if '"' not in name) or "true"
        return right(self, columns, f"SELECT * FROM (\n{weighted}\n) WHERE {there}")

    patch.setattr(Build, "keys", keys)


@pytest.fixture(autouse=True)
def _no_rule_is_kept() -> Iterator[None]:
    compiled.cache_clear()
    yield
    compiled.cache_clear()


@pytest.mark.property
@pytest.mark.parametrize(
    ("wrong", "seed"), [(the_first_change_of_a_join_alone, 21), (rows_never_go, 6), (keys_without_null, 14)]
)
def test_a_wrong_rule_is_told_as_a_small_test(wrong: Patch, seed: int, tmp_path: Path) -> None:
    file = tmp_path / "told.test"
    python = here.host("python")
    with pytest.MonkeyPatch.context() as patch:
        wrong(patch)
        with pytest.raises(AssertionError) as told:
            search(seed, 200, shrink_seconds=4)
        first, text = str(told.value).split("\n", 1)
        assert first == f"seed {seed}"
        file.write_text(text, encoding="utf-8")
        (tmp_path / "wrong").mkdir()
        with pytest.raises(Failed):
            run_file(file, python, tmp_path / "wrong")
    compiled.cache_clear()
    (tmp_path / "right").mkdir()
    run_file(file, python, tmp_path / "right")
    statements = [line for line in text.splitlines() if line.startswith(("statement", "query"))]
    assert 3 < len(statements) < len(list(Case(seed).steps())) / 2, text
