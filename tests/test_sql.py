"""Every `tests/sql/**/*.test` in every host that is here; SPACE_SQL_ALL_HOSTS=1 fails where one is missing.

SPACE_SQL_SPREAD=1 is the short form: the hosts of the extension share the files, so each runs with and without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hosts import here
from tests.hosts.table import NAMES, label
from tests.sqllogic import Skipped, run_file
from tests.sqllogic_records import Failed, left_out, parse

SQL = Path(__file__).parent / "sql"
FILES = {str(path.relative_to(SQL).with_suffix("")): path for path in sorted(SQL.rglob("*.test"))}


@pytest.fixture(scope="module", autouse=True)
def _hosts_end_with_the_run() -> Iterator[None]:
    yield
    here.close()


def _cases() -> Iterator[tuple[str, str]]:
    shared = {"extension": {0, 2}, "shell": {1}, "node": {3}} if os.environ.get("SPACE_SQL_SPREAD") else {}
    for number, file in enumerate(FILES):
        for host in here.HOSTS:
            if number % 4 in shared.get(host, {0, 1, 2, 3}):
                yield file, host


@pytest.mark.parametrize(("file", "host_name"), list(_cases()))
def test_file(
    file: str,
    host_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        host = here.host(host_name)
    except here.Absent as why:
        record_property("host", NAMES[host_name])
        if os.environ.get("SPACE_SQL_ALL_HOSTS"):
            pytest.fail(str(why), pytrace=False)
        pytest.skip(str(why))
    record_property("host", label(host_name, host.conditions))
    _, passed_over = left_out(parse(FILES[file].read_text(encoding="utf-8")), host.conditions)
    record_property("passed over", dict(passed_over))
    failure = None
    try:
        run_file(FILES[file], host, tmp_path)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    except Failed as failed:
        failure = f"{FILES[file]}, {failed}"
    if failure:
        pytest.fail(failure, pytrace=False)
