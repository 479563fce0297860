"""The writes that are killed, and the dataset that they start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.concurrency.sql import Row, call

SOURCE = "SELECT range AS id, 'new ' || range AS label, {'x': range / 2, 'tags': ['a', NULL]} AS box FROM range(3, 8)"


def create_base(con: duckdb.DuckDBPyConnection, path: Path, *, before: str = "") -> None:
    """Rows 0 to 5 in three files, a tag, a branch, and a history that ends ``before`` a checkpoint or merge."""
    columns = "id BIGINT, label VARCHAR, box STRUCT(x DOUBLE, tags VARCHAR[])"
    if before == "records":
        call(con, "space_create", path, columns=f"{columns}, r BLOB", primary_keys=["id"], record_fields=["r"])
    else:
        call(con, "space_create", path, columns=columns, primary_keys=["id"])
    for first in (0, 2, 4):
        call(
            con, "space_append", path, f"SELECT range AS id, 'old ' || range AS label FROM range({first}, {first + 2})"
        )
    call(con, "space_append", path, "SELECT 99 AS id")
    call(con, "space_delete", path, "id = 99")
    call(con, "space_tag", path, "v1")
    call(con, "space_branch", path, "dev")
    if before == "records":
        call(con, "space_upsert", path, "SELECT 1 AS id, 'one'::BLOB AS r UNION ALL SELECT 3, 'three'::BLOB")
    if before in ("branches", "records"):  # which went on, in one row both
        call(con, "space_upsert", path, "SELECT 1 AS id, 'dev' AS label UNION ALL SELECT 60, 'new'", branch="dev")
        call(con, "space_delete", path, "id = 4", branch="dev")
        call(con, "space_add_column", path, "note VARCHAR", branch="dev")
    if before == "records":
        call(con, "space_upsert", path, "SELECT 1 AS id, 'uno'::BLOB AS r", branch="dev")
    if before == "branches":
        call(con, "space_update", path, "box = {'x': 1, 'tags': []}", "id = 1")
        call(con, "space_update", path, "label = 'main'", "id = 2")
    if before == "a checkpoint":  # which comes with entry 32
        for number in range(24):
            call(con, "space_drop_tag" if number % 2 else "space_tag", path, "more")
    if before == "a merge":  # of the eight smallest files
        for number in range(4):
            call(con, "space_append", path, f"SELECT {number + 100} AS id")


RECORDS = "SELECT range AS id, 'new ' || range AS label, ('r' || range)::BLOB AS r FROM range(3, 8)"


@dataclass(frozen=True)
class KilledWrite:
    """A write, and the dataset that it needs: see ``create_base``; None for none."""

    function: str
    arguments: tuple[object, ...] = ()
    named: dict[str, object] = field(default_factory=dict)
    before: str | None = ""

    def run(self, con: duckdb.DuckDBPyConnection, path: Path) -> Row:
        """Call it, always with the same commit key."""
        return call(con, self.function, path, *self.arguments, commit_key="the job", **self.named)


WRITES: dict[str, KilledWrite] = {
    "create": KilledWrite("space_create", named={"columns": "id BIGINT", "primary_keys": ["id"]}, before=None),
    "create from a source": KilledWrite("space_create", named={"source": SOURCE, "primary_keys": ["id"]}, before=None),
    "append": KilledWrite("space_append", (SOURCE,)),
    "append that evolves": KilledWrite("space_append", ("SELECT 50 AS id, 1.5 AS score",), {"evolve": True}),
    "insert": KilledWrite("space_insert", (SOURCE.replace("range(3, 8)", "range(50, 55)"),)),
    "upsert": KilledWrite("space_upsert", (SOURCE,)),
    "update": KilledWrite("space_update", ("label = 'set'", "id >= 1")),
    "delete": KilledWrite("space_delete", ("id <= 3",)),
    "overwrite": KilledWrite("space_overwrite", (SOURCE,)),
    "restore": KilledWrite("space_restore", ("2",)),
    "tag": KilledWrite("space_tag", ("v2",)),
    "branch": KilledWrite("space_branch", ("exp",)),
    "drop tag": KilledWrite("space_drop_tag", ("v1",)),
    "drop branch": KilledWrite("space_drop_branch", ("dev",)),
    "add column": KilledWrite("space_add_column", ("note VARCHAR",)),
    "rename column": KilledWrite("space_rename_column", ("label", "name")),
    "drop column": KilledWrite("space_drop_column", ("box",)),
    "append with a checkpoint": KilledWrite("space_append", (SOURCE,), before="a checkpoint"),
    "append that merges files": KilledWrite("space_append", (SOURCE,), before="a merge"),
    "create with records": KilledWrite(
        "space_create", named={"source": RECORDS, "primary_keys": ["id"], "record_fields": ["r"]}, before=None
    ),
    "append of records": KilledWrite("space_append", (RECORDS,), before="records"),
    "upsert of records": KilledWrite("space_upsert", (RECORDS,), before="records"),
    "update of records": KilledWrite("space_update", ("r = 'new'::BLOB, label = 'set'", "id >= 1"), before="records"),
    "compact": KilledWrite("space_compact"),
    "expire": KilledWrite("space_expire", named={"versions": [0]}),
    "merge": KilledWrite("space_merge", ("dev",), before="branches"),
    "merge of records": KilledWrite(
        "space_merge",
        ("dev",),
        {"resolutions": "SELECT 1 AS id, 'decided'::BLOB AS r", "strategy": "theirs"},
        before="records",
    ),
    "merge that goes forward": KilledWrite("space_merge", ("main",), {"target": "dev"}, before="a merge"),
    "upsert on another branch": KilledWrite("space_upsert", (SOURCE,), {"branch": "dev"}),
}
