"""The whole story against a real Label Studio server: `make test-label-studio`. Its chapters build on each other."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="pip install 'space-sql[label-studio]'")
pytest.importorskip("nbclient", reason="needs the notebook extra")

import nbformat.v4

import space_sql
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from tests.label_studio import real
from tests.label_studio.processes import free_port, served, syncing
from tests.notebooks.execute import execute

PROGRAM = os.environ.get("LABEL_STUDIO", "")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs a Label Studio server: make test-label-studio")

SHIPPED = Path(__file__).parents[1] / "data/label_studio"
NAMES = ("tasks", "annotations", "regions")
SECRET = "a secret of the story"
TASKS = 200
ROUNDS = 8

CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <Text name="text" value="$text"/>
  <Choices name="quality" toName="image" choice="single">
    <Choice value="dark"/><Choice value="normal"/><Choice value="washed-out"/>
  </Choices>
  <RectangleLabels name="box" toName="image">
    <Label value="zero"/><Label value="one"/><Label value="two"/><Label value="three"/><Label value="four"/>
    <Label value="five"/><Label value="six"/><Label value="seven"/><Label value="eight"/><Label value="nine"/>
  </RectangleLabels>
  <Choices name="topic" toName="text" choice="single">
    <Choice value="delivery"/><Choice value="billing"/><Choice value="praise"/><Choice value="other"/>
  </Choices>
  <Labels name="ner" toName="text">
    <Label value="ORG"/><Label value="PLACE"/><Label value="DATE"/><Label value="AMOUNT"/>
  </Labels>
  <Rating name="urgency" toName="text" maxRating="5"/>
  <TextArea name="note" toName="text" perRegion="false"/>
</View>
"""


@dataclass
class Story:
    """What the chapters share."""

    project: real.Project
    root: Path
    folder: Path
    data: list[dict[str, Any]]
    results: list[list[dict[str, Any]]]
    tasks: list[int] = field(default_factory=list)
    annotations: dict[int, int] = field(default_factory=dict)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with space_sql.connect() as con:
            return con.execute(statement.replace("DS", str(self.root))).fetchall()

    def sync(self, *options: str) -> str:
        process = syncing(self.project.address, self.root, *options)
        out, error = process.communicate(timeout=300)
        assert process.returncode == 0, error.decode()
        return out.decode()


def labelled(project: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Data and a result of each task of a shipped export that has one."""
    for task in json.loads((SHIPPED / project / "v1.json").read_bytes()):
        for annotation in task["annotations"][:1]:
            if annotation["result"]:
                yield task["data"], annotation["result"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    (folder / "server").mkdir()
    pictures, texts = list(labelled("boxes")), list(labelled("text"))
    data, results = [], []
    for number in range(TASKS):
        (picture, boxes), (text, spans) = pictures[number % len(pictures)], texts[number % len(texts)]
        place = "/data/local-files/?d=label_studio/boxes/images/" + picture["image"].rpartition("/")[2]
        data.append({"image": place, "text": text["text"], "number": number})
        results.append([*boxes, *spans])
    with real.label_studio(PROGRAM, folder / "server") as base, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABEL_STUDIO_API_KEY", real.TOKEN)
        yield Story(real.Project(base, CONFIG), folder / "reviews", folder, data, results)


def other(result: list[dict[str, Any]], name: str, label: str) -> list[dict[str, Any]]:
    """The same with another choice."""
    return [{**item, "value": {"choices": [label]}} if item["from_name"] == name else item for item in result]


def until(what: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.3)


def count(story: Story, name: str) -> int:
    return int(story.sql(f"SELECT count(*) FROM space_scan('DS/{name}')")[0][0])


def heads(story: Story) -> list[int]:
    return [story.sql(f"SELECT max(snapshot_id) FROM space_snapshots('DS/{name}')")[0][0] for name in NAMES]


def parsed(export: bytes) -> tuple[Any, Any, Any]:
    """Tasks, annotations and regions of an export, by other means than those of the import."""
    tasks, annotations, regions = [], [], []
    for task in json.loads(export):
        tasks.append((task["id"], json.dumps(task["data"], sort_keys=True), sorted(task["predictions"])))
        for a in task["annotations"]:
            result = json.dumps(a["result"], sort_keys=True)
            annotations.append((a["id"], task["id"], a["completed_by"], a["was_cancelled"], a["ground_truth"], result))
            for item in a["result"]:
                value = item["value"]
                for label in (
                    value.get(item["type"]) or [None] if item["type"] not in ("rating", "textarea") else [None]
                ):
                    place = tuple(value.get(key) for key in ("x", "y", "width", "height", "start", "end", "rating"))
                    regions.append((a["id"], item["id"], item["from_name"], label, *place))
    return sorted(tasks), sorted(annotations), sorted(regions, key=str)


def stored(root: Path) -> tuple[Any, Any, Any]:
    """The same of the datasets."""
    with space_sql.connect() as con:
        tasks = con.execute(f"SELECT task_id, data, prediction_ids FROM space_scan('{root}/tasks')").fetchall()
        annotations = con.execute(
            "SELECT annotation_id, task_id, annotator, skipped, ground_truth, result "
            f"FROM space_scan('{root}/annotations')"
        ).fetchall()
        regions = con.execute(
            "SELECT annotation_id, region_id, from_name, label, x, y, width, height, span_start, span_end, number "
            f"FROM space_scan('{root}/regions')"
        ).fetchall()
    ordered = [(*row[:-1], json.dumps(json.loads(row[-1]), sort_keys=True)) for row in annotations]
    keyed = [(i, json.dumps(json.loads(data), sort_keys=True), predictions) for i, data, predictions in tasks]
    return sorted(keyed), sorted(ordered), sorted(regions, key=str)


def check_equal(story: Story, export: bytes) -> None:
    """The datasets are what Label Studio exports, by another import and by reading the JSON."""
    for ours, theirs in zip(stored(story.root), parsed(export), strict=True):
        assert ours == theirs
    second = story.folder / "second"
    shutil.rmtree(second, ignore_errors=True)
    (story.folder / "export.json").write_bytes(export)
    with space_sql.connect() as con:
        con.execute(f"CALL space_import_label_studio('{second}', '{story.folder}/export.json')")
        for name, left_out in (
            ("tasks", "updated_at, updated_by"),  # times and counters alone are no change
            ("annotations", "updated_at, updated_by, annotator_email, lead_time"),
            ("regions", "updated_at, annotator_email"),
        ):
            ours, theirs = (
                f"SELECT * EXCLUDE ({left_out}) FROM space_scan('{r}/{name}')" for r in (story.root, second)
            )
            both = f"({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours})"
            assert con.execute(f"SELECT count(*) FROM ({both})").fetchall() == [(0,)], name
            assert con.execute(f"FROM space_verify('{story.root}/{name}', deep => true)").fetchall() == []


def test_1_the_first_sync_brings_two_hundred_tasks(story: Story) -> None:
    story.tasks = story.project.load([{"data": data} for data in story.data])
    assert len(story.tasks) == TASKS
    assert "tasks: +200 ~0 -0" in story.sync()
    assert [count(story, name) for name in NAMES] == [200, 0, 0]
    before = heads(story)
    assert "+0 ~0 -0" in story.sync() or heads(story) == before
    assert heads(story) == before


def test_2_what_people_label_arrives_by_webhook(story: Story) -> None:
    port = free_port()
    register = ("--project", story.project.address, "--register", f"http://127.0.0.1:{port}/", "--every", "3600")
    with served(story.root, port, *register, secret=SECRET):
        for task, result in zip(story.tasks, story.results, strict=True):
            story.annotations[task] = story.project.annotate(task, result)
        for number, task in enumerate(story.tasks[:60]):
            result = story.results[number]
            if number % 5 == 0:
                result = other(result, "topic", "other")
            if number % 7 == 0:
                result = other(result, "quality", "dark")
            story.project.annotate(task, result, who=2)
        until(lambda: count(story, "annotations") == 260)
        for task in story.tasks[60:70]:
            story.project.change(
                story.annotations[task], result=other(story.results[task - story.tasks[0]], "topic", "praise")
            )
        for task in story.tasks[70:75]:
            story.project.change(story.annotations[task], was_cancelled=True, result=[])
        for task in story.tasks[75:80]:
            story.project.send("DELETE", f"/api/annotations/{story.annotations.pop(task)}/")
        for task in (*story.tasks[80:84], story.tasks[-1]):
            story.project.send("DELETE", f"/api/tasks/{task}/")
            del story.annotations[task]
        until(lambda: [count(story, "tasks"), count(story, "annotations")] == [195, 250])
        skipped = "SELECT count(*) FROM space_scan('DS/annotations') WHERE skipped"
        until(lambda: story.sql(skipped) == [(5,)])
    assert stored(story.root)[1:] == parsed(story.project.export())[1:]
    authors = {row[0] for row in story.sql("SELECT author FROM space_snapshots('DS/annotations')")}
    assert {real.EMAIL, real.SECOND[0]} <= {name for row in authors if row for name in row.split(", ")}


def test_3_a_sweep_finds_what_no_webhook_tells(story: Story) -> None:
    for task in story.tasks[90:95]:
        story.project.send(
            "PATCH", f"/api/tasks/{task}/", data={**story.data[task - story.tasks[0]], "camera": "cam-2"}
        )
    story.project.bulk("delete_tasks_annotations", story.tasks[100:105])
    story.project.bulk("delete_tasks", story.tasks[105:110])
    for task in story.tasks[100:110]:
        del story.annotations[task]
    again = story.project.load([{"data": story.data[-1]}])[-1]
    assert again == story.tasks[-1]  # the id of the deleted task, used again
    story.annotations[again] = story.project.annotate(again, story.results[-1])
    told = story.sync()
    assert "tasks: +1 ~5 -5" in told or "tasks: +1 ~5 -6" in told
    check_equal(story, story.project.export())
    before = heads(story)
    story.sync()
    assert heads(story) == before


def test_4_killing_receiver_and_sync_loses_nothing(story: Story) -> None:
    chosen = random.Random(4)
    started, killed = story.folder / "started", story.folder / "killed"
    shutil.copytree(story.root, started)
    shutil.copytree(story.root, killed)
    with real.post() as between:
        story.project.send(
            "POST", "/api/webhooks/", project=story.project.id, url=between.address, send_payload=True,
            send_for_all_actions=True, headers={"Authorization": SECRET},
        )  # fmt: skip
        port = free_port()
        between.to = f"http://127.0.0.1:{port}/"
        for _ in range(ROUNDS):
            with served(killed, port, secret=SECRET) as receiver:
                process = syncing(story.project.address, story.root)
                for _ in range(chosen.randint(2, 9)):
                    mutate(story, chosen)
                time.sleep(chosen.choice([0, 0.05, 0.3]))
                for one in chosen.sample([receiver, process], 2):
                    one.send_signal(signal.SIGKILL)
                    one.communicate()
            mutate(story, chosen)  # while nobody listens
        with served(killed, port, secret=SECRET):
            until(lambda: not list((killed / ".label-studio/queue").glob("*.json")))
    assert len(between.accepted) > ROUNDS
    assert between.refused >= ROUNDS / 2
    put(Session(0, 0), str(started), Batch(events=between.accepted), Options())
    assert stored(killed) == stored(started)
    story.sync()
    check_equal(story, story.project.export())
    before = heads(story)
    story.sync()
    assert heads(story) == before
    assert not list((story.root / ".label-studio").glob("export-*"))


def mutate(story: Story, chosen: random.Random) -> None:
    """Someone works in Label Studio."""
    tasks = sorted(set(story.annotations) - set(story.tasks[:60]))
    task = chosen.choice(tasks)
    what = chosen.choice(["change", "change", "annotate", "edit", "delete", "drop"])
    if what == "change":
        topic = chosen.choice(["delivery", "billing", "praise", "other"])
        story.project.change(story.annotations[task], result=other(story.results[0], "topic", topic))
    elif what == "annotate":
        story.project.annotate(task, story.results[1], who=2)
    elif what == "edit":
        story.project.send("PATCH", f"/api/tasks/{task}/", data={**story.data[0], "edited": chosen.random()})
    elif what == "delete":
        story.project.send("DELETE", f"/api/tasks/{task}/")
        del story.annotations[task]
    else:
        story.project.send("DELETE", f"/api/annotations/{story.annotations.pop(task)}/")


KAPPA = """
WITH pairs AS (
  SELECT a.label AS one, b.label AS two
  FROM space_scan('DS/regions') AS a JOIN space_scan('DS/regions') AS b USING (task_id, from_name)
  WHERE from_name = 'topic' AND a.annotator = 1 AND b.annotator = 2 AND task_id <= {last}
), ones AS (SELECT one AS label, count(*) AS n FROM pairs GROUP BY one),
twos AS (SELECT two AS label, count(*) AS n FROM pairs GROUP BY two),
shares AS (
  SELECT (SELECT avg((one = two)::INTEGER) FROM pairs) AS agreed,
    (SELECT sum(ones.n * twos.n) FROM ones JOIN twos USING (label)) / (SELECT count(*) ** 2 FROM pairs) AS by_chance
)
SELECT agreed, (agreed - by_chance) / (1 - by_chance) AS kappa FROM shares
"""


def test_5_two_people_disagree_as_much_as_the_export_says(story: Story) -> None:
    ((agreed, kappa),) = story.sql(KAPPA.format(last=story.tasks[59]))
    first, second = [], []
    for task in json.loads(story.project.export()):
        if task["id"] <= story.tasks[59]:
            said = {
                a["completed_by"]: item["value"]["choices"][0]
                for a in task["annotations"] for item in a["result"] if item["from_name"] == "topic"
            }  # fmt: skip
            if len(said) == 2:
                first.append(said[1])
                second.append(said[2])
    assert len(first) > 40
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    chance = sum(first.count(label) * second.count(label) for label in set(first)) / len(first) ** 2
    assert agreed == pytest.approx(observed)
    assert kappa == pytest.approx((observed - chance) / (1 - chance))
    assert 0.5 < kappa < 1


CELLS = {
    "load": "%load_ext space_sql",
    "labels": "%%sql\nSELECT label, count(*) AS n FROM 'DS/regions' WHERE from_name = 'topic' GROUP BY label",
    "branches": "%%sql\n"
    + "".join(
        f"CALL space_tag('DS/{name}', 'round-1');\nCALL space_branch('DS/{name}', 'corrected');\n" for name in NAMES
    ),
    "correct": "%%sql\nCALL space_update('DS/regions', 'label = ''other''', "
    "'from_name = ''topic'' AND annotator = 1 AND task_id IN (SELECT task_id FROM space_scan(''DS/regions'') "
    "WHERE from_name = ''topic'' AND annotator = 2 AND label = ''other'' AND task_id <= LAST)', branch => 'corrected')",
    "diff": "%%sql\nSELECT from_label, to_label, count(*) AS n FROM space_diff('DS/regions', 'main', 'corrected') "
    "WHERE diff_type = 'modified' GROUP BY ALL ORDER BY ALL",
    "merge": "%%sql\nCALL space_merge('DS/regions', 'corrected')",
    "tag": "%%sql\nCALL space_tag('DS/regions', 'round-1-corrected')",
}


def test_6_explored_and_corrected_in_a_notebook(story: Story) -> None:
    last = str(story.tasks[59])
    cells = [
        nbformat.v4.new_code_cell(cell.replace("DS", str(story.root)).replace("LAST", last)) for cell in CELLS.values()
    ]
    done = execute(nbformat.v4.new_notebook(cells=cells), story.folder)
    shown = {name: json.dumps(cell.outputs) for name, cell in zip(CELLS, done.cells, strict=True)}
    counts = story.sql(
        "SELECT label, count(*) FROM space_scan('DS/regions', version => 'round-1') "
        "WHERE from_name = 'topic' GROUP BY ALL"
    )
    for label, number in counts:
        assert f"<td>{label}</td>" in shown["labels"]
        assert f"<td>{number}</td>" in shown["labels"]
    changed = story.sql(
        "SELECT from_label, count(*) FROM space_diff('DS/regions', 'round-1', 'round-1-corrected') GROUP BY ALL"
    )
    assert sum(number for _, number in changed) >= 8
    for label, number in changed:
        assert f"<td>{label}</td>" in shown["diff"]
        assert f"<td>{number}</td>" in shown["diff"]


PUSH = """FROM space_push_label_studio('ADDRESS', $$
  SELECT to_task_id AS task_id, to_from_name AS from_name, LABEL AS label, 0.9 AS score
  FROM space_diff('DS/regions', 'round-1', 'round-1-corrected')$$, model_version => 'corrections')"""


def test_7_corrections_go_back_once(story: Story) -> None:
    push = PUSH.replace("ADDRESS", story.project.address)
    told = rf"{story.project.base}/api/predictions?project={story.project.id}"
    with pytest.raises(Exception, match='"topic" has no label "nonsense"; it has'):
        story.sql(push.replace("LABEL", "'nonsense'"))
    assert story.project.people[1].get(told).json() == []
    ((corrected,),) = story.sql("SELECT count(*) FROM space_diff('DS/regions', 'round-1', 'round-1-corrected')")
    assert story.sql(push.replace("LABEL", "to_label")) == [(0, 0, corrected, 0, 0)]
    assert story.sql(push.replace("LABEL", "to_label")) == [(0, 0, 0, 0, corrected)]
    predictions = story.project.people[1].get(told).json()
    assert len(predictions) == len({p["task"] for p in predictions}) == corrected
    assert {p["result"][0]["value"]["choices"][0] for p in predictions} == {"other"}
    new = f"""FROM space_push_label_studio('{story.project.address}', $$
      SELECT 'new ' || i AS key, {{'text': 'A new one.', 'image': ''}} AS data, 'topic' AS from_name, 'praise' AS label
      FROM range(3) AS t(i)$$)"""
    assert story.sql(new) == [(3, 0, 3, 0, 0)]
    assert story.sql(new) == [(0, 0, 0, 0, 3)]


def test_8_accepted_there_both_are_equal_in_the_end(story: Story) -> None:
    corrected = story.sql(
        "SELECT to_task_id, to_annotation_id FROM space_diff('DS/regions', 'round-1', 'round-1-corrected')"
    )
    for task, annotation in corrected:
        result = story.project.send("GET", f"/api/annotations/{annotation}/")["result"]
        assert task in story.tasks
        story.project.change(annotation, result=other(result, "topic", "other"))
    assert "tasks: +3" in story.sync()
    check_equal(story, story.project.export())
    with space_sql.connect() as con:
        labels = (
            f"SELECT annotation_id, region_id, label FROM space_scan('{story.root}/regions', version => '{{}}') "
            "WHERE from_name = 'topic' AND annotator = 1"
        )
        ours, theirs = (
            con.execute(f"{labels.format(v)} ORDER BY ALL").fetchall() for v in ("round-1-corrected", "main")
        )
    assert ours == theirs
    before = heads(story)
    assert "nothing changed" in (told := story.sync()) or heads(story) == before, told
    assert story.sync("--all")
    assert heads(story) == before
