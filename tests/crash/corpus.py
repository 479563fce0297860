"""Damaged datasets, each kind of damage once: `python -m tests.crash.corpus FOLDER` writes them all.

A damage says what reading the head of ``main`` gives then (``right`` rows, or an error of a kind) and what
``space_verify(…, deep => true)`` finds. docs/damage.md has the table.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

import space_sql
from space_sql.format.paths import MARKER, checkpoint_path, entry_path
from tests.concurrency.sql import call, call_sql
from tests.crash.log_entry import read_entry, write_entry

RIGHT = "right"
ENTRIES = 40


@dataclass(frozen=True)
class Damage:
    """``reading`` is what a scan gives; ``finding`` what verify tells: severity and kind, or the kind of its error."""

    act: Callable[[Path], object]
    reading: tuple[str, ...]
    finding: str


def sound(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The dataset that is damaged: records, deletes, a checkpoint, a tag, a forgotten row."""
    con.execute("SET VARIABLE space_sync = false")
    source = "SELECT range AS id, 'n' || range AS name, range / 7 AS x, ('r' || range)::BLOB AS r FROM range(50)"
    call(con, "space_create", path, source=source, primary_keys=["id"], record_fields=["r"])
    call(con, "space_tag", path, "v1")
    call(con, "space_delete", path, "id % 10 = 3")
    call(con, "space_update", path, "name = upper(name), r = ('R' || id)::BLOB", "id % 10 = 4")
    con.execute(f"CALL {call_sql('space_forget', path, 'id = 7')}").fetchall()
    while call(con, "space_tag", path, "t")[0] < ENTRIES:
        call(con, "space_drop_tag", path, "t")


def head_file(path: Path, member: str) -> Path:
    """A file that entry 3, the update, brings: of rows, of positions, of records."""
    entry = read_entry(path, 3)
    if member == "records":
        return Path(path / entry["files_added"][0]["records"][0]["path"])
    return Path(path / entry[member][0]["path"])


def edited(number: int, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Another entry of that number, with a checksum that fits; checkpoints go, which would hide it."""

    def act(path: Path) -> None:
        members = read_entry(path, number)
        change(members)
        write_entry(path, number, members)
        without_checkpoints(path)

    return act


def without_checkpoints(path: Path) -> None:
    for file in (path / "log").glob("*.checkpoint.parquet"):
        file.unlink()


def on(member: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda path: change(head_file(path, member))


def flipped(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 3] ^= 0x10
    file.write_bytes(raw)


def flipped_record(file: Path) -> None:
    """A byte of a record; most of a small record file is padding."""
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"R14")] ^= 0x10
    file.write_bytes(raw)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def of_first(member: str) -> Callable[[Path], None]:
    """The file of the update exchanged for that of the first commit."""

    def act(path: Path) -> None:
        first = read_entry(path, 0)["files_added"][0]
        other = first["path"] if member == "files_added" else first["records"][0]["path"]
        shutil.copy(path / other, head_file(path, member))

    return act


def linked(path: Path) -> None:
    file = head_file(path, "files_added")
    outside = path.parent / f"{path.name} outside.parquet"
    shutil.move(file, outside)
    file.symlink_to(outside)


def unfinished(path: Path) -> None:
    """The log ends with a forget that did not finish."""
    done = next(i for i in range(ENTRIES) if read_entry(path, i)["operation"] == "forgot")
    for number in range(done, ENTRIES + 1):
        (path / entry_path(number)).unlink()
    without_checkpoints(path)


def more_positions(path: Path) -> None:
    file = head_file(path, "deletes_added")
    table = pq.read_table(file)
    further = pa.table({"file": table["file"], "pos": pa.array([9000 + i for i in range(len(table))], pa.int64())})
    pq.write_table(further, file)


DAMAGES: dict[str, Damage] = {
    "space.json is missing": Damage(lambda p: (p / MARKER).unlink(), ("not-found",), "not-found"),
    "space.json is not JSON": Damage(lambda p: (p / MARKER).write_text("{"), ("format",), "format"),
    "space.json is of a newer format": Damage(
        lambda p: (p / MARKER).write_bytes(orjson.dumps({"format": 9, "dataset_id": "x"})), ("format",), "format"
    ),
    "an entry is missing": Damage(lambda p: (p / entry_path(2)).unlink(), ("format",), "error log"),
    "the last entry is missing": Damage(lambda p: (p / entry_path(ENTRIES)).unlink(), (RIGHT,), "none"),
    "an entry has a byte changed": Damage(lambda p: flipped(p / entry_path(2)), (RIGHT, "format"), "error log"),
    "an entry is its own parent": Damage(edited(3, lambda e: e.update(parent_id=3)), ("format",), "error log"),
    "an entry has another's number": Damage(
        lambda p: shutil.copy(p / entry_path(2), p / entry_path(3)), (RIGHT, "format"), "error log"
    ),
    "an entry removes a file that is not there": Damage(
        edited(3, lambda e: e.update(files_removed=[99])), ("format",), "error log"
    ),
    "an entry names a file outside": Damage(
        edited(3, lambda e: e["files_added"][0].update(path="../x.parquet")), ("format",), "error log"
    ),
    "an entry says another number of rows": Damage(
        edited(3, lambda e: e["files_added"][0].update(rows=99)), (RIGHT,), "error data-file"
    ),
    "an entry says other statistics": Damage(
        edited(3, lambda e: e["files_added"][0]["stats"].update({"1": [0, 1, 0]})), (RIGHT,), "error data-file"
    ),
    "an entry says another number of deleted rows": Damage(
        edited(2, lambda e: e["deletes_added"][0].update(targets=dict.fromkeys(e["deletes_added"][0]["targets"], 1))),
        (RIGHT,),
        "error deletes-file",
    ),
    "a schema has no columns": Damage(edited(0, lambda e: e["schema"].update(columns=[])), ("format",), "error log"),
    "a checkpoint is missing": Damage(lambda p: (p / checkpoint_path(32)).unlink(), (RIGHT,), "warning checkpoint"),
    "a checkpoint has a byte changed": Damage(
        lambda p: flipped(p / checkpoint_path(32)), (RIGHT,), "warning checkpoint"
    ),
    "a data file is missing": Damage(on("files_added", Path.unlink), ("storage",), "error missing-file"),
    "a data file is cut": Damage(on("files_added", cut), ("storage",), "error wrong-size"),
    "a data file has a byte changed": Damage(on("files_added", flipped), ("wrong", "storage"), "error data-file"),
    "a data file is another one": Damage(of_first("files_added"), ("wrong", "format"), "error wrong-size"),
    "a data file is a link that leaves the folder": Damage(linked, ("format",), "error data-file"),
    "a file of deleted positions is missing": Damage(
        on("deletes_added", Path.unlink), ("storage",), "error missing-file"
    ),
    "a file of deleted positions lists others": Damage(more_positions, ("wrong",), "error wrong-size"),
    "a record file is missing": Damage(on("records", Path.unlink), ("not-found",), "error missing-file"),
    "a record file is cut": Damage(on("records", cut), ("format",), "error wrong-size"),
    "a record file has a byte changed": Damage(on("records", flipped_record), ("format",), "error record-file"),
    "a record file is another one": Damage(of_first("records"), ("format",), "error record-file"),
    "a forget did not finish": Damage(unfinished, (RIGHT,), "error forget"),
    "a file that no commit names is there": Damage(
        lambda p: (p / "data/stray.parquet").write_bytes(b"x"), (RIGHT,), "none"
    ),
}


def write_all(folder: Path) -> dict[str, Path]:
    """The sound dataset under its own name, and one folder for each damage."""
    out = {RIGHT: folder / RIGHT}
    with space_sql.connect() as con:
        sound(con, out[RIGHT])
    for name, damage in DAMAGES.items():
        out[name] = Path(shutil.copytree(out[RIGHT], folder / name.replace("'", "")))
        damage.act(out[name])
    return out


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
