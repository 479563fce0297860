"""What a forget has to touch: every copy of the chosen rows, and all in the folder that tells of them.

A row is what was written once: its copies in merged files, known by their origin, go with it.

Source: docs/format.md, section "Forgetting".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from space_sql.dataset.dataset import View
from space_sql.dataset.dead_records import dead_records
from space_sql.dataset.engine import cursor
from space_sql.dataset.positions import origins_sql, remembered
from space_sql.dataset.reach import paths_of_commit, reachable
from space_sql.dataset.scan import file_list
from space_sql.dataset.telling import telling
from space_sql.dataset.vacuum import LEAST_AGE, own_files
from space_sql.errors import StorageError
from space_sql.format.commit import Commit
from space_sql.format.data_file import DataFile
from space_sql.format.forgotten import Forgetting, Forgotten
from space_sql.storage import files as disk
from space_sql.storage.log import Log
from space_sql.storage.parquet import write_deletes


@dataclass(frozen=True)
class Known:
    """What the log names: data files by number, those that are there, and files of deleted positions."""

    log: Log
    head: int
    files: Mapping[int, DataFile]
    there: Mapping[int, DataFile]
    deletes: frozenset[str]

    def commits(self) -> Iterator[Commit]:
        """All entries."""
        return (self.log.commit(i) for i in range(self.head + 1))


def known(view: View) -> Known:
    """Look through the log; StorageError when a file is missing that a readable snapshot needs."""
    log, root = view.dataset.log, view.dataset.root
    files: dict[int, DataFile] = {}
    deletes: set[str] = set()
    for snapshot_id in range(view.refs.snapshot_id + 1):
        commit = log.commit(snapshot_id)
        named = data_files(commit)
        files.update((f.number, f) for f in named)
        deletes.update(d.path for d in (*commit.deletes_added, *(d for f in named for d in f.deletes)))
        deletes.update(m.added.path for m in commit.deletes_merged)
    for path in reachable(log, view.refs):
        if not (root / path).exists():
            raise StorageError(
                f"{root / path} is missing: restore it from a copy, or what it holds cannot be forgotten"
            )
    there = {n: f for n, f in files.items() if (root / f.path).exists()}
    return Known(log, view.refs.snapshot_id, files, there, frozenset(d for d in deletes if (root / d).exists()))


def data_files(commit: Commit) -> tuple[DataFile, ...]:
    """The data file records of an entry."""
    return (*commit.files_added, *commit.rewrites_added)


def planned(view: View, chosen: pa.Table, *, sync: bool) -> Forgetting | None:
    """What forgetting the rows at positions means, whose file is written; None when nothing tells of them."""
    root, everything = view.dataset.root, known(view)
    with cursor() as con:
        positions, rows = _copies(con, root, chosen, everything.there)
        positions = remembered(root, positions, list(everything.there.values()))
        overlaps = _overlaps(con, root, positions, everything.deletes)
    forgetting = Forgetting("", 0, 0, 0, {})
    if len(positions):
        written = write_deletes(root, positions, "forget", sync=sync)
        gone = {n: Forgotten(written.path, written.bytes, c, overlaps.get(n, {})) for n, c in written.targets.items()}
        assert written.crc32 is not None
        forgetting = Forgetting(written.path, written.rows, written.bytes, written.crc32, gone)
    try:
        return _completed(view, everything, forgetting, positions, rows)
    except BaseException:
        if forgetting.path:
            disk.remove_quietly(root / forgetting.path)
        raise


def _copies(
    con: duckdb.DuckDBPyConnection, root: Path, chosen: pa.Table, there: Mapping[int, DataFile]
) -> tuple[pa.Table, int]:
    """The positions of all copies of rows, and how many different rows these are."""
    con.register("_space_chosen", chosen)
    con.execute("CREATE TEMP TABLE _space_rows (origin_file BIGINT, origin_pos BIGINT)")
    numbers = {n for (n,) in con.execute("SELECT DISTINCT file FROM _space_chosen").fetchall()} & there.keys()
    for number in sorted(numbers):
        mine = f"SELECT pos FROM _space_chosen WHERE file = {number}"
        if there[number].origin:
            found = f"SELECT origin_file, origin_pos FROM ({origins_sql(root, there[number])}) WHERE pos IN ({mine})"
        else:
            found = f"SELECT {number}, pos FROM ({mine})"
        con.execute(f"INSERT INTO _space_rows {found}")
    con.execute("CREATE TEMP TABLE _space_origins AS SELECT DISTINCT * FROM _space_rows")
    con.execute("CREATE TEMP TABLE _space_copies (file BIGINT, pos BIGINT)")
    if numbers:
        plain = [n for n, f in there.items() if not f.origin]
        con.register("_space_plain", pa.table({"file": pa.array(plain, pa.int64())}))
        con.execute(
            "INSERT INTO _space_copies SELECT origin_file, origin_pos FROM _space_origins "
            "SEMI JOIN _space_plain ON origin_file = file"
        )
        for file in there.values():
            if file.origin:
                con.execute(
                    f"INSERT INTO _space_copies SELECT file, pos FROM ({origins_sql(root, file)}) "
                    "SEMI JOIN _space_origins USING (origin_file, origin_pos)"
                )
    positions = con.sql("FROM _space_copies").to_arrow_table()
    ((rows,),) = con.execute("SELECT count(*) FROM _space_origins").fetchall()
    return positions, int(rows)


def _overlaps(
    con: duckdb.DuckDBPyConnection, root: Path, positions: pa.Table, deletes: frozenset[str]
) -> dict[int, dict[str, int]]:
    """For each data file how many of its positions are in which files of deleted positions."""
    out: dict[int, dict[str, int]] = {}
    if not len(positions) or not deletes:
        return out
    con.register("_space_forgotten", positions)
    names = {str(root / path): path for path in sorted(deletes)}
    counted = con.execute(
        f"SELECT filename, file, count(*) FROM read_parquet({file_list(root, sorted(deletes))}, "
        "hive_partitioning = false, filename = true) SEMI JOIN _space_forgotten USING (file, pos) GROUP BY ALL"
    ).fetchall()
    for name, number, count in counted:
        out.setdefault(number, {})[names[name]] = count
    return out


def _completed(view: View, everything: Known, bare: Forgetting, positions: pa.Table, rows: int) -> Forgetting | None:
    """The forgetting with all that it touches; None when it touches nothing."""
    root = view.dataset.root
    files = bare.files.keys()
    replaced = {n: f for n, f in everything.there.items() if n in files}
    remaining = [f.hiding(bare) for f in everything.there.values()]
    dead = dead_records(root, remaining, everything.commits())
    texts = telling(root, everything.commits(), replaced, positions, bare)
    vanished = everything.files.keys() - everything.there.keys()
    entries = [
        c.snapshot_id
        for c in everything.commits()
        if c.snapshot_id in texts
        or any(
            f.number in files or (f.number in vanished and f.stats) or any(r.path in dead for r in f.records)
            for f in data_files(c)
        )
    ]
    if not entries:
        return None
    paths = sorted(f.path for f in replaced.values())
    sizes = sum(f.bytes for f in replaced.values()) + sum((root / path).stat().st_size for path in dead)
    report = {
        "rows_forgotten": rows if len(positions) else 0,
        "records_forgotten": sum(len(blank) for blank in dead.values()),
        "versions": _versions(view, bare),
        "files_replaced": [*paths, *sorted(dead)],
        "entries_rewritten": len(entries),
        "bytes_gone": sizes,
        "files_left": left_behind(view, {bare.path}),
    }
    return replace(bare, replaced=tuple(paths), records=tuple(sorted(dead)), texts=tuple(sorted(texts)), report=report)


def _versions(view: View, forgetting: Forgetting) -> list[int]:
    """The readable snapshots that showed one of the rows."""
    log, out = view.dataset.log, []
    for snapshot_id in range(view.refs.snapshot_id + 1 if forgetting.files else 0):
        if view.refs.has_expired(snapshot_id) or not log.commit(snapshot_id).advances:
            continue
        state = log.state(snapshot_id)
        for number in forgetting.files.keys() & state.files.keys():
            gone = forgetting.files[number]
            if gone.rows > sum(gone.overlaps.get(d.path, 0) for d in state.files[number].deletes):
                out.append(snapshot_id)
                break
    return out


def left_behind(view: View, besides: set[str]) -> list[str]:
    """Files that no entry names and that are too young to go: a writer may be about to publish them."""
    young = time.time() - LEAST_AGE
    named = {p for i in range(view.refs.snapshot_id + 1) for p in paths_of_commit(view.dataset.log.commit(i))}
    return sorted(
        p for p, _, modified in own_files(view.dataset.root) if p not in named | besides and modified >= young
    )


def told(forgetting: Forgetting | None) -> dict[str, Any]:
    """What the caller is told."""
    nothing: dict[str, Any] = {
        "rows_forgotten": 0,
        "records_forgotten": 0,
        "versions": [],
        "files_replaced": [],
        "entries_rewritten": 0,
        "bytes_gone": 0,
        "files_left": [],
    }
    return nothing if forgetting is None else {**nothing, **forgetting.report}
