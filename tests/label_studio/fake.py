"""A small Label Studio: the few answers that a sync and a push need, over real HTTP, and faults on demand."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a token of the fake server"
PROJECT = 7
CONFIG = {
    "topic": {"type": "Choices", "to_name": ["text"], "labels": ["praise", "fault"], "inputs": [], "labels_attrs": {}}
}
Fault = Callable[["Handler"], bool]
"""Answers a request in the server's place, and tells whether it did."""


class Fake:
    """One project. Its clock goes on by a second with each change."""

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.predictions: dict[int, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, float]] = []
        self.faults: list[Fault] = []
        self.before: Fault = lambda handler: False
        self.media: dict[str, bytes] = {}
        self.address = ""
        self.lock = threading.RLock()
        self._ids = itertools.count(1)
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> str:
        """The next second."""
        self._clock += timedelta(seconds=1)
        return self._clock.isoformat().replace("+00:00", "Z")

    def pass_time(self) -> None:
        """Let more pass than a sync looks back."""
        self._clock += timedelta(minutes=10)

    def add(self, count: int, **data: Any) -> list[int]:
        """New tasks; returns their ids."""
        with self.lock:
            ids = []
            for _ in range(count):
                number, now = next(self._ids), self.now()
                self.tasks[number] = {
                    "id": number, "inner_id": number, "project": PROJECT, "data": {"text": f"text {number}", **data},
                    "meta": {}, "created_at": now, "updated_at": now, "updated_by": 1, "annotations": [],
                    "predictions": [],
                }  # fmt: skip
                ids.append(number)
            return ids

    def annotate(self, task: int, label: str, who: int = 1) -> int:
        """A new annotation; returns its id."""
        with self.lock:
            now, number = self.now(), next(self._ids)
            self.tasks[task]["annotations"].append({
                "id": number, "completed_by": who, "unique_id": f"u{number}", "was_cancelled": False,
                "ground_truth": False, "created_at": now, "updated_at": now, "updated_by": who, "task": task,
                "project": PROJECT, "result": [choice(label)],
            })  # fmt: skip
            self.tasks[task]["updated_at"] = now
            return number

    def change(self, task: int, label: str) -> None:
        """Another label in the first annotation of a task."""
        with self.lock:
            now = self.now()
            self.tasks[task]["annotations"][0].update(result=[choice(label)], updated_at=now)
            self.tasks[task]["updated_at"] = now

    def edit(self, task: int, **data: Any) -> None:
        """Other data."""
        with self.lock:
            self.tasks[task]["data"].update(data)
            self.tasks[task]["updated_at"] = self.now()

    def delete(self, task: int) -> None:
        """A task less."""
        with self.lock:
            del self.tasks[task]

    def truth(self) -> list[tuple[int, int, str]]:
        """Task, annotator and label of all that is labelled."""
        return sorted(
            (number, a["completed_by"], a["result"][0]["value"]["choices"][0])
            for number, task in self.tasks.items()
            for a in task["annotations"]
        )

    def count(self, part: str) -> int:
        """How many requests there were whose address has a part."""
        return sum(part in path for _, path, _ in self.requests)


def choice(label: str) -> dict[str, Any]:
    return {"id": "r", "from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": [label]}}


class Handler(BaseHTTPRequestHandler):
    """Answers as Label Studio does."""

    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def answer(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _served(self) -> None:
        fake = self.fake
        length = int(self.headers.get("Content-Length") or 0)
        self.sent = json.loads(self.rfile.read(length)) if length else None
        with fake.lock:
            fake.requests.append((self.command, self.path, time.monotonic()))
            fault = fake.faults.pop(0) if fake.faults else fake.before
        if fault(self):
            return
        place = urlsplit(self.path)
        asked = parse_qs(place.query)
        if place.path in fake.media:
            self.answer(200, fake.media[place.path], "image/png")
        elif self.headers.get("Authorization") != f"Token {TOKEN}":
            self.answer(401, {"status_code": 401, "detail": "Invalid token."})
        else:
            with fake.lock:
                self.answer(*self._api(place.path, asked))

    do_GET = do_POST = do_PATCH = do_DELETE = _served

    def _api(self, path: str, asked: dict[str, list[str]]) -> tuple[int, Any]:
        fake, parts = self.fake, path.strip("/").split("/")
        if path == "/api/users":
            return 200, [{"id": who, "email": f"ann{who}@example.com"} for who in (1, 2)]
        if path == f"/api/projects/{PROJECT}":
            return 200, {"id": PROJECT, "parsed_label_config": CONFIG}
        if path == f"/api/projects/{PROJECT}/export":
            ids = [int(i) for i in asked.get("ids[]", [])] or sorted(fake.tasks)
            return 200, [fake.tasks[i] for i in ids if i in fake.tasks]
        if path == f"/api/projects/{PROJECT}/import":
            for task in self.sent:
                (number,) = fake.add(1)
                fake.tasks[number].update(data=task["data"], meta=task["meta"])
                for prediction in task.get("predictions", []):
                    self._predict({**prediction, "task": number})
            return 201, {"task_count": len(self.sent)}
        if path == "/api/tasks" and asked["project"] == [str(PROJECT)]:
            return self._list(asked)
        if parts[:2] == ["api", "tasks"] and self.command == "PATCH":
            fake.edit(int(parts[2]), **self.sent["data"])
            return 200, {}
        if parts[:2] == ["api", "predictions"]:
            return self._predictions(parts[2:])
        return 404, {"status_code": 404, "detail": "No Project matches the given query."}

    def _list(self, asked: dict[str, list[str]]) -> tuple[int, Any]:
        after = 0
        if "query" in asked:
            (item,) = json.loads(asked["query"][0])["filters"]["items"]
            assert (item["filter"], item["operator"], item["type"]) == ("filter:tasks:id", "greater", "Number")
            after = int(item["value"])
        found = [task for number, task in sorted(self.fake.tasks.items()) if number > after]
        page, size = int(asked["page"][0]), min(int(asked["page_size"][0]), 150)
        some = found[(page - 1) * size : page * size]
        if not some and page > 1:
            return 404, {"status_code": 404, "detail": "Invalid page."}
        return 200, {"total": len(found), "tasks": [self._listed(task, asked["include"][0]) for task in some]}

    def _listed(self, task: dict[str, Any], fields: str) -> dict[str, Any]:
        skipped = sum(a["was_cancelled"] for a in task["annotations"])
        told = {
            **task,
            "total_annotations": len(task["annotations"]) - skipped,
            "cancelled_annotations": skipped,
            "total_predictions": len(task["predictions"]),
        }
        return {field: told[field] for field in fields.split(",")}

    def _predict(self, prediction: dict[str, Any]) -> dict[str, Any]:
        number = next(self.fake._ids)
        self.fake.predictions[number] = {"id": number, **prediction}
        self.fake.tasks[prediction["task"]]["predictions"].append(number)
        return self.fake.predictions[number]

    def _predictions(self, parts: list[str]) -> tuple[int, Any]:
        known = self.fake.predictions
        if self.command == "GET":
            return 200, list(known.values())
        if self.command == "POST":
            return 201, self._predict(self.sent)
        if self.command == "PATCH":
            known[int(parts[0])].update(self.sent)
            return 200, known[int(parts[0])]
        gone = known.pop(int(parts[0]))
        self.fake.tasks[gone["task"]]["predictions"].remove(gone["id"])
        return 204, b""


@contextmanager
def serving() -> Iterator[Fake]:
    """A fake at ``address``, as long as the block lasts."""
    fake = Fake()

    class Ours(Handler):
        pass

    Ours.fake = fake

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is no error of ours."""

    with Server(("127.0.0.1", 0), Ours) as server:
        fake.address = f"http://127.0.0.1:{server.server_address[1]}/projects/{PROJECT}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


def status(code: int, **headers: str) -> Fault:
    """Answer once with a status."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, {"status_code": code, "detail": "not now"}, **headers)
        return True

    return fault


def html(handler: Handler) -> bool:
    """Answer with a page."""
    handler.answer(200, b"<!doctype html><title>Log in</title>", "text/html")
    return True


def reset(handler: Handler) -> bool:
    """Close the connection in the middle of an answer."""
    with contextlib.suppress(OSError):
        handler.wfile.write(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n[{"id": 1'
        )
        handler.wfile.flush()
    handler.close_connection = True
    return True


def slow(handler: Handler) -> bool:
    """Say nothing for longer than anyone waits."""
    time.sleep(0.7)
    handler.close_connection = True
    return True


def well(handler: Handler) -> bool:
    """No fault."""
    return False
