"""Every `tests/sql/**/*.test` in every host that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

import space_sql
from tests.hosts.extension import ExtensionHost
from tests.hosts.python import PythonHost
from tests.sqllogic import Host, Skipped, run_file
from tests.sqllogic_records import Failed

SQL = Path(__file__).parent / "sql"
HOSTS: dict[str, Host] = {"python": PythonHost(space_sql.connect), "extension": ExtensionHost()}
FILES = {str(path.relative_to(SQL).with_suffix("")): path for path in sorted(SQL.rglob("*.test"))}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("file", FILES)
def test_file(file: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failure = None
    try:
        run_file(FILES[file], HOSTS[host], tmp_path)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    except Failed as failed:
        failure = f"{FILES[file]}, {failed}"
    if failure:
        pytest.fail(failure, pytrace=False)
