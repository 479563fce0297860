"""What is synced before what: read off the calls of a write."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import space_sql
from tests.crash.child import Pipe, process, received
from tests.crash.writes import WRITES

pytestmark = pytest.mark.crash


def record_syncs(pipe: Pipe, name: str, path: Path) -> None:
    """Do a write; says the paths that were synced and linked, in order, and when it returned."""
    con = space_sql.connect()
    said: list[tuple[str, str]] = []
    fsync, link = os.fsync, os.link

    def recording_fsync(descriptor: Any) -> None:
        fsync(descriptor)
        said.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))

    def recording_link(source: Any, target: Any, **named: Any) -> None:
        link(source, target, **named)
        said.append(("link", f"{source} -> {target}"))

    os.fsync = recording_fsync  # type: ignore[assignment]
    os.link = recording_link  # type: ignore[assignment]
    WRITES[name].run(con, path)
    pipe.send([*said, ("returned", "")])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")
@pytest.mark.parametrize("name", list(WRITES))
def test_a_write_returns_when_all_that_it_wrote_is_durable(name: str, copied: Callable[[str | None], Path]) -> None:
    path = copied(WRITES[name].before)
    old = set(path.rglob("*"))
    with process(record_syncs, name, path) as (_, pipe):
        (said,) = received(pipe)
    new = [p for p in path.rglob("*") if p not in old and p.suffix != ".tmp"]
    entry = max((path / "log").glob("*.json"))
    published = next(i for i, (what, on) in enumerate(said) if what == "link" and on.endswith(f"-> {entry}"))
    synced_before = {on for what, on in said[:published] if what == "sync"}
    synced_after = {on for what, on in said[published:] if what == "sync"}
    linked = {on.split(" -> ")[1]: on.split(" -> ")[0] for what, on in said if what == "link"}
    for file in new:
        if file.is_dir() or file.name.endswith(".checkpoint.parquet"):
            continue
        assert linked.get(str(file), str(file)) in synced_before, (
            f"{file} was not synced before the entry was published"
        )
        if file != entry:
            assert str(file.parent) in synced_before, (
                f"the name of {file} was not synced before the entry was published"
            )
    assert str(entry.parent) in synced_after
    if WRITES[name].before is None:
        assert str(path.parent) in synced_before
    assert all(re.search(r"/log$|checkpoint", on) for on in synced_after)


def test_without_syncing_nothing_is_synced(
    copied: Callable[[str | None], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied("")
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("something was synced"))
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        for name in ("append", "upsert", "delete", "tag"):
            WRITES[name].run(con, path)
