"""The table of hosts: the one in the docs is that of the files, and a run ends with its own."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.hosts.table import PAGE, ROOT, Tally, table, with_table

pytest_plugins = ["pytester"]
RUN = """
    import pytest

    @pytest.mark.parametrize("outcome", ["passed", "failed", "line 3: why", "line 8: why"])
    def test_file(outcome, record_property):
        record_property("host", "Node")
        record_property("passed over", {"for a reason": 2})
        if outcome.startswith("line"):
            pytest.skip(outcome)
        assert outcome == "passed"

    def test_something_else():
        pytest.skip("not a file")
"""


def test_the_page_shows_what_the_files_say() -> None:
    shown = PAGE.read_text(encoding="utf-8")
    assert with_table(shown) == shown, "run `python -m tests.hosts.table`"


def test_a_row_tells_what_was_left_out_and_why() -> None:
    tally = Tally(passed=3, failed=1, skipped=Counter({"b": 2, "a": 1}), passed_over=Counter({"c": 1}))
    assert table({"Node": tally}).splitlines()[-1] == "| Node | 3 | 1 | 3 | 1 file: a; 2 files: b; 1 record: c |"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_run_ends_with_the_table_of_its_hosts(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(RUN)
    result = pytester.runpytest_subprocess("-p", "tests.conftest", *workers)
    result.stdout.fnmatch_lines(["| Node | 1 | 1 | 2 | 2 files: why; 8 records: for a reason |"])
