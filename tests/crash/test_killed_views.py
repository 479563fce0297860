"""A process is killed at every step of materialize and refresh; nothing is repeated, skipped or half there."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import duckdb
import pytest

from tests.crash.child import process, received
from tests.crash.steps import KillAt
from tests.crash.views import Operation, check_history, run_once, snapshots
from tests.property.views.surface import positions

pytestmark = pytest.mark.crash
LONG = bool(os.environ.get("SPACE_SQL_LONG"))
OPERATIONS = [
    Operation("space_materialize", "rows"),
    Operation("space_materialize", "groups"),
    Operation("space_refresh", "rows"),
    Operation("space_refresh", "groups"),
    Operation("space_refresh", "join"),
    Operation("space_refresh", "outer join"),
    Operation("space_refresh", "rows", policy="full"),
    Operation("space_refresh", "no rule"),
    Operation("space_materialize", "function"),
    Operation("space_refresh", "function"),
]
SHORT = ("rows", "groups")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.function}_{o.query}_{o.policy}".replace(" ", "_"))
def test_a_killed_refresh_is_wholly_there_or_wholly_absent(
    operation: Operation, scratch: Path, reader: duckdb.DuckDBPyConnection
) -> None:
    if not LONG and operation.query not in SHORT:
        pytest.skip("in the long form: SPACE_SQL_LONG=1")
    for number in itertools.count(1, 1 if LONG else 17):
        folder = scratch / str(number)
        operation.prepare(reader, folder)
        before = snapshots(reader, folder / "view")
        with process(run_once, operation, folder, KillAt(number)) as (child, pipe):
            said = received(pipe)
            child.join()
        found = snapshots(reader, folder / "view")
        assert found in (before, [*(before or []), (before or [-1])[-1] + 1]), f"killed at step {number}"
        if found is not None:
            check_history(reader, folder, operation.query)
        if child.exitcode == 0:
            ((result, _steps),) = said
            assert isinstance(result, tuple), result
            assert found != before
            break
        assert (child.exitcode, said) == (-signal.SIGKILL, [])
        if found == before or operation.function == "space_refresh":
            operation.run(reader, folder)
        check_history(reader, folder, operation.query)
        after = snapshots(reader, folder / "view")
        assert after == [*(before or []), (before or [-1])[-1] + 1], f"killed at step {number}, and done again"
        assert positions(reader, folder / "view")["raw"] == (snapshots(reader, folder / "raw") or [])[-1]
