"""Datasets to damage, and a reader that has nothing open."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql
from space_sql.dataset import dataset as opened
from tests.concurrency.scratch import scratch_folder
from tests.crash.writes import create_base

Bases = Callable[[str], Path]


@pytest.fixture(scope="session")
def bases() -> Iterator[Bases]:
    """``bases(before)``: a dataset to copy, see ``create_base``."""
    made: dict[str, Path] = {}
    with scratch_folder() as folder, space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")

        def base(before: str) -> Path:
            if before not in made:
                made[before] = folder / str(len(made))
                create_base(con, made[before], before=before)
            return made[before]

        yield base


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder of this test's own."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def copied(bases: Bases, scratch: Path) -> Callable[[str | None], Path]:
    """``copied(before)``: a fresh copy of such a dataset; of None, a path where none is."""
    numbers = itertools.count()

    def copy(before: str | None) -> Path:
        path = scratch / f"copy {next(numbers)}"
        return path if before is None else Path(shutil.copytree(bases(before), path))

    return copy


@pytest.fixture
def ds(bases: Bases, scratch: Path) -> Path:
    """A dataset of this test's own."""
    return Path(shutil.copytree(bases(""), scratch / "ds"))


@pytest.fixture
def reader() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in a process that has no dataset open."""
    opened._open.clear()
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        yield con
    opened._open.clear()
