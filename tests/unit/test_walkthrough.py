"""A Label Studio export becomes a dataset with tagged versions: create, append, tag, delete, and read both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import space_sql

EXPORT = Path(__file__).parents[1] / "data/label_studio/boxes/v1.json"
IDS = sorted(task["id"] for task in json.loads(EXPORT.read_text()))
COLUMNS = [
    *("id", "annotations", "inner_id", "total_annotations", "cancelled_annotations", "total_predictions"),
    *("comment_count", "unresolved_comment_count", "project", "updated_by", "data.image"),
]
# One row a task; what the task shows is nested in `data`, and becomes a column with a dot in its name.
LABELS = f"""
CREATE VIEW labels AS
SELECT id, annotations, inner_id, total_annotations, cancelled_annotations, total_predictions,
  comment_count, unresolved_comment_count, project, updated_by, data.image AS "data.image"
FROM read_json('{EXPORT}')
"""
STEPS = (
    "CALL space_create('label_ds', source => 'FROM labels LIMIT 0', primary_keys => ['id'])",
    "CALL space_append('label_ds', 'labels')",
    "CALL space_tag('label_ds', 'after_append')",
    "CALL space_delete('label_ds', 'id = 8 OR id = 9')",
    "CALL space_tag('label_ds', 'after_delete')",
)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in a folder in which the steps were taken."""
    with pytest.MonkeyPatch.context() as patch, space_sql.connect() as con:
        patch.chdir(tmp_path_factory.mktemp("walkthrough"))
        con.execute(LABELS)
        for step in STEPS:
            con.execute(step).fetchall()
        yield con


def test_the_dataset_has_the_columns_of_the_normalised_export(con: duckdb.DuckDBPyConnection) -> None:
    columns = con.execute("SELECT column_name, primary_key FROM space_schema('label_ds')").fetchall()
    assert columns == [(name, name == "id") for name in COLUMNS]


def test_it_is_created_empty_and_holds_every_task_once_appended(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute("FROM space_scan('label_ds', version => '0')").fetchall() == []
    stored = "SELECT * FROM space_scan('label_ds', version => 'after_append')"
    for gone in (f"{stored} EXCEPT ALL FROM labels", f"FROM labels EXCEPT ALL {stored}"):
        assert con.execute(gone).fetchall() == []


def test_the_ids_of_both_versions_stand_side_by_side(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("""
        SELECT before.id, after.id
        FROM space_scan('label_ds', version => 'after_append') AS before
        LEFT JOIN space_scan('label_ds', version => 'after_delete') AS after USING (id)
        ORDER BY before.id
    """).fetchall()
    assert rows == [(i, None if i in (8, 9) else i) for i in IDS]


def test_the_history_says_what_was_done(con: duckdb.DuckDBPyConnection) -> None:
    history = con.execute(
        "SELECT operation, rows_inserted, rows_deleted, tags FROM space_snapshots('label_ds') ORDER BY snapshot_id"
    ).fetchall()
    assert history == [
        ("create", 0, 0, []),
        ("append", len(IDS), 0, ["after_append"]),
        ("tag", 0, 0, []),
        ("delete", 0, 2, ["after_delete"]),
        ("tag", 0, 0, []),
    ]


def test_what_was_deleted_is_read_from_the_difference(con: duckdb.DuckDBPyConnection) -> None:
    difference = con.execute(
        """SELECT diff_type, from_id, "from_data.image", to_id
        FROM space_diff('label_ds', 'after_append', 'after_delete') ORDER BY from_id"""
    ).fetchall()
    image = "/data/local-files/?d=digits/scene_{:03}.png"
    assert difference == [("removed", i, image.format(i - 1), None) for i in (8, 9)]
