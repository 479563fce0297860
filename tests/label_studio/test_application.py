"""What the receiver's application answers, without a process: limits, and events that say nothing or too much."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import space_sql
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import put
from space_sql.interop.label_studio.place import Place
from space_sql.interop.label_studio.queue import Queue
from space_sql.interop.label_studio.standing import Standing, keep
from space_sql.interop.label_studio.writer import Writer

pytest.importorskip("starlette", reason="pip install 'space-sql[label-studio]'")

from space_sql.interop.label_studio.receiver import Limits, application

httpx = pytest.importorskip("httpx", reason="pip install 'space-sql[label-studio]'")
TIMES = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def task(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": number,
        "project": 2,
        "inner_id": number,
        "data": {"text": f"text {number}"},
        "meta": {},
        **TIMES,
        **other,
    }


def annotation(number: int, of: int, label: str, **other: Any) -> dict[str, Any]:
    value = {"choices": [label]}
    item = {"id": "r", "from_name": "topic", "to_name": "text", "type": "choices", "value": value}
    fixed = {"id": number, "task": of, "project": 2, "completed_by": 1, "unique_id": f"u{number}", "result": [item]}
    return {**fixed, **TIMES, **other}


def event(action: str, **content: Any) -> bytes:
    return orjson.dumps({"action": action, "project": {"id": 2}, **content})


def labelled(number: int, of: int, label: str, **other: Any) -> bytes:
    return event("ANNOTATION_CREATED", task=task(of), annotation=annotation(number, of, label, **other))


def written(root: Path, *events: bytes, **arguments: Any) -> Queue:
    queue = Queue(Place(root))
    for one in events:
        queue.add(one)
    Writer(queue, str(root), Options(), **arguments).write()
    return queue


def labels(root: Path) -> list[tuple[int, int, str]]:
    with space_sql.connect() as con:
        return con.execute(
            f"SELECT task_id, annotation_id, label FROM space_scan('{root}/regions') ORDER BY ALL"
        ).fetchall()


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(30):
        yield b" " * 100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b'{"action": "TASKS_CREATED"', 400),
        (b"\xff\xfe{}", 400),
        (b'{"action": "\\ud800"}', 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"action": 3}', 400),
        (b"[" * 100_000, 413),
        (b"{" + b" " * 3000, 413),
        (_chunks, 413),
        (event("TASKS_CREATED", tasks=[]), 200),
        (event("SOMETHING_NEW", whatever={"a": [1]}), 200),
        (orjson.dumps({"action": "TASKS_CREATED", "project": {"id": 3}}), 200),
    ],
)
def test_what_is_taken(tmp_path: Path, body: Any, status: int) -> None:
    queue = Queue(Place(tmp_path))
    app = application(queue, Writer(queue, str(tmp_path), Options()), Limits(size=2000, project=2))

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
            return await web.post("/any/path", content=body() if callable(body) else body)

    answer = asyncio.run(ask())
    assert answer.status_code == status
    assert (len(queue.waiting()) == 1) == (answer.json().get("status") == "kept")
    assert (status == 200) == ("error" not in answer.json())


def test_too_many_events_are_refused_and_none_of_them_kept(tmp_path: Path) -> None:
    queue = Queue(Place(tmp_path), limit=7)
    app = application(queue, Writer(queue, str(tmp_path), Options()), Limits(rate=2))

    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
            return [(await web.post("/", content=event("TASKS_CREATED"))).status_code for _ in range(20)]

    answers = asyncio.run(ask())
    assert answers.count(200) == len(queue.waiting()) == 7
    assert answers[:7] == [200] * 7
    assert set(answers[7:]) == {429, 503}


def test_events_without_meaning_are_written_as_nothing(tmp_path: Path) -> None:
    odd = [
        event("SOMETHING_NEW", whatever=1),
        event("TASKS_CREATED", tasks=None),
        event("TASKS_DELETED", tasks=[{"id": "x"}, {"id": None}, 3, {}]),
        event("ANNOTATION_CREATED", task=[], annotation=[None, 1, "a", {"id": 1.5}]),
        event("ANNOTATION_UPDATED", annotation=annotation(5, 1, "x") | {"result": None}),
    ]
    queue = written(tmp_path, labelled(1, 1, "praise"), *odd)
    assert not queue.waiting()
    assert labels(tmp_path) == [(1, 1, "praise")]


def test_an_event_that_cannot_be_written_holds_up_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = labelled(2, 2, "fault", created_at="yesterday, about noon")
    huge = labelled(2**63 + 5, 2, "fault")
    with caplog.at_level(logging.WARNING):
        queue = written(tmp_path, labelled(1, 1, "praise"), bad, huge, labelled(3, 3, "fault"))
    assert not queue.waiting()
    assert labels(tmp_path) == [(1, 1, "praise"), (3, 3, "fault")]
    assert sorted(p.read_bytes() for p in Place(tmp_path).rejected.iterdir()) == sorted([bad, huge])
    assert caplog.text.count("is put aside") == 2


def test_events_wait_when_the_datasets_cannot_take_any(tmp_path: Path) -> None:
    written(tmp_path, labelled(1, 1, "praise"))
    with space_sql.connect() as con:
        con.execute(f"CALL space_rename_column('{tmp_path}/annotations', 'lead_time', 'seconds')")
        with pytest.raises(Exception, match='has no column "lead_time"'):
            written(tmp_path, labelled(2, 2, "fault"))
        queue = Queue(Place(tmp_path))
        assert len(queue.waiting()) == 1
        con.execute(f"CALL space_rename_column('{tmp_path}/annotations', 'seconds', 'lead_time')")
    Writer(queue, str(tmp_path), Options()).write()
    assert labels(tmp_path) == [(1, 1, "praise"), (2, 2, "fault")]


def test_annotations_go_with_their_task_also_when_its_id_is_used_again(tmp_path: Path) -> None:
    written(tmp_path, labelled(1, 1, "praise"))
    later = {"created_at": "2026-01-02T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"}
    events = [
        labelled(2, 1, "fault"),
        event("TASKS_DELETED", tasks=[{"id": 1}]),
        event("TASKS_CREATED", tasks=[task(1, **later)]),
        event("ANNOTATION_CREATED", task=task(1, **later), annotation=annotation(3, 1, "fault", **later)),
    ]
    written(tmp_path, *events)
    assert labels(tmp_path) == [(1, 3, "fault")]
    written(tmp_path, *events)
    assert labels(tmp_path) == [(1, 3, "fault")]
    with space_sql.connect() as con:
        assert con.execute(f"SELECT annotation_id FROM space_scan('{tmp_path}/annotations')").fetchall() == [(3,)]


def test_an_event_that_waited_longer_than_a_sync_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, labelled(1, 1, "praise"))
    changed = {"updated_at": "2026-01-01T00:05:00Z"}  # to another label and back, which a sync sees as no change
    with monkeypatch.context() as then:
        then.setattr("time.time_ns", lambda: 1_700_000_000 * 10**9)
        Queue(Place(tmp_path)).add(labelled(1, 1, "fault", **changed))
    keep(Place(tmp_path), tmp_path, "http://server", 2, "main", Standing("2026-01-01T00:10:00Z", 1_700_000_030 * 10**9))
    assert len(Queue(Place(tmp_path)).waiting()) == 1
    keep(Place(tmp_path), tmp_path, "http://server", 2, "main", Standing("2026-01-01T00:10:00Z", 1_700_000_090 * 10**9))
    queue = written(tmp_path)
    assert not queue.waiting()
    assert labels(tmp_path) == [(1, 1, "praise")]
    written(tmp_path, labelled(1, 1, "fault", **changed))  # told now, it is news
    assert labels(tmp_path) == [(1, 1, "fault")]


def test_authors_are_known_by_their_addresses(tmp_path: Path) -> None:
    written(tmp_path, labelled(1, 1, "praise"), users={1: "ann@example.com"})
    written(tmp_path, labelled(2, 2, "praise", completed_by=9), users={1: "ann@example.com"})
    with space_sql.connect() as con:
        authors = con.execute(
            f"SELECT author FROM space_snapshots('{tmp_path}/annotations') ORDER BY snapshot_id"
        ).fetchall()
        emails = con.execute(
            f"SELECT annotator, annotator_email FROM space_scan('{tmp_path}/annotations') ORDER BY 1"
        ).fetchall()
    assert authors == [("ann@example.com",), ("user 9",)]
    assert emails == [(1, "ann@example.com"), (9, None)]


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    put(Session(0, 0), str(tmp_path), Batch(), Options())
    rows = put(Session(0, 0), str(tmp_path), Batch(), Options())
    assert {row["snapshot_id"] for row in rows} == {0}
