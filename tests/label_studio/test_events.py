"""Webhooks that Label Studio really sent bring the first export to the second, but for what no webhook tells."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import space_sql
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.place import Place
from space_sql.interop.label_studio.queue import Queue
from space_sql.interop.label_studio.writer import Writer

DATA = Path(__file__).parents[1] / "data/label_studio"
STREAM = [orjson.loads(line) for line in (DATA / "webhooks/stream.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("project", ["boxes", "text"])
def test_accepted_events_are_written_once_and_make_the_second_export(tmp_path: Path, project: str) -> None:
    root = tmp_path / project
    put(Session(0, 0), str(root), Batch(file=DATA / project / "v1.json", complete=True), Options())
    events = [orjson.dumps(e["body"]) for e in STREAM if e["path"] == f"/{project}"]
    queue = Queue(Place(root))
    for event in events:
        queue.add(event)
    Writer(queue, str(root), Options()).write()
    assert not queue.waiting()
    put(Session(0, 0), str(tmp_path / "v2"), Batch(file=DATA / project / "v2.json", complete=True), Options())
    truth = orjson.loads((DATA / project / "changes_v1_v2.json").read_bytes())
    with space_sql.connect() as con:
        columns = "task_id, annotation_id, annotator, skipped, ground_truth, result"
        differing = con.execute(
            f"SELECT DISTINCT task_id FROM ((SELECT {columns} FROM space_scan('{root}/annotations') EXCEPT ALL "
            f"SELECT {columns} FROM space_scan('{tmp_path}/v2/annotations')) UNION ALL "
            f"(SELECT {columns} FROM space_scan('{tmp_path}/v2/annotations') EXCEPT ALL "
            f"SELECT {columns} FROM space_scan('{root}/annotations')))"
        ).fetchall()
        tasks = con.execute(
            f"SELECT task_id FROM space_scan('{root}/tasks') AS a FULL JOIN space_scan('{tmp_path}/v2/tasks') AS b "
            "USING (task_id) WHERE a.data IS DISTINCT FROM b.data"
        ).fetchall()
    untold = {int(task) for task in truth["webhook_replay_cannot_reproduce_tasks"]}
    assert {row[0] for row in differing + tasks} == untold
    rows = put(Session(0, 0), str(root), Batch(events=events), Options())
    assert not sum(row["rows_inserted"] + row["rows_deleted"] for row in rows)
