"""A real Label Studio server with a project, driven over its HTTP API, and what stands between it and a receiver.

Started on a fresh data folder it first makes its database, which takes about a minute. Its traps, as met with 1.23:
a person's token works only when legacy tokens are enabled; images of a folder are served only below a local storage of
the project; webhooks go to this machine only without the protection against forged requests; the form of signing up
is the only way to a second person.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.label_studio.processes import free_port

DATA = Path(__file__).parents[1] / "data"
EMAIL, PASSWORD, TOKEN = "demo@example.com", "demo-pass-1", "0123456789abcdef0123456789abcdef01234567"
SECOND = ("ann2@example.com", "demo-pass-2")
_SETTINGS = {
    "LABEL_STUDIO_USERNAME": EMAIL,
    "LABEL_STUDIO_PASSWORD": PASSWORD,
    "LABEL_STUDIO_USER_TOKEN": TOKEN,
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(DATA),
    "SSRF_PROTECTION_ENABLED": "false",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}


class Project:
    """A project and the two people who label it."""

    def __init__(self, base: str, config: str) -> None:
        self.base = base
        self.people = {1: _client(base, TOKEN), 2: _client(base, _second_person(base))}
        self.id = int(self.send("POST", "/api/projects", title="story", label_config=config)["id"])
        self.send("PATCH", f"/api/projects/{self.id}", maximum_annotations=2)
        self.address = f"{base}/projects/{self.id}"

    def send(self, method: str, path: str, who: int = 1, **content: Any) -> Any:
        """The answer to a request with a JSON body."""
        answer = self.people[who].request(method, path, json=content or None)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def load(self, tasks: list[dict[str, Any]]) -> list[int]:
        """New tasks; returns the ids of all."""
        answer = self.people[1].post(f"/api/projects/{self.id}/import", json=tasks)
        assert answer.status_code == 201, answer.text
        found = self.people[1].get(f"/api/tasks?project={self.id}&page_size=1000&include=id&ordering=id").json()
        return [int(task["id"]) for task in found["tasks"]]

    def annotate(self, task: int, result: list[Any], who: int = 1, **more: Any) -> int:
        """A new annotation; returns its id."""
        return int(
            self.send("POST", f"/api/tasks/{task}/annotations/", who, result=result, lead_time=1.5, **more)["id"]
        )

    def change(self, annotation: int, who: int = 1, **content: Any) -> None:
        """Change an annotation."""
        self.send("PATCH", f"/api/annotations/{annotation}/", who, **content)

    def bulk(self, action: str, tasks: list[int]) -> None:
        """What the list of tasks offers for many at once."""
        answer = self.people[1].post(
            f"/api/dm/actions?id={action}&project={self.id}",
            json={"selectedItems": {"all": False, "included": tasks}},
        )
        assert answer.status_code == 200, answer.text

    def export(self) -> bytes:
        """Label Studio's own export."""
        answer = self.people[1].get(f"/api/projects/{self.id}/export?exportType=JSON&download_all_tasks=true")
        assert answer.status_code == 200, answer.text
        return answer.content


def _client(base: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=base, headers={"Authorization": f"Token {token}"}, timeout=120)


def _second_person(base: str) -> str:
    """Signs up as a browser would; returns the token."""
    email, password = SECOND
    with httpx.Client(base_url=base, timeout=60, follow_redirects=True) as browser:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/user/signup/").text)
        assert found is not None
        form = {"email": email, "password": password, "csrfmiddlewaretoken": found[1], "allow_newsletters": "false"}
        browser.post("/user/signup/", data=form, headers={"Referer": f"{base}/user/signup/"}).raise_for_status()
        return str(browser.get("/api/current-user/token").json()["token"])


@contextmanager
def label_studio(program: str, folder: Path) -> Iterator[str]:
    """The address of a server of our own, as long as the block lasts."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **_SETTINGS, "LABEL_STUDIO_BASE_DATA_DIR": str(folder)}
    command = [program, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 600
            while not _answers(f"{base}/health"):
                told = (folder / "server.log").read_text(errors="replace")[-2000:]
                assert process.poll() is None, f"Label Studio ended: {told}"
                assert time.monotonic() < until, f"Label Studio did not start: {told}"
                time.sleep(0.5)
            yield base
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


class Post:
    """Stands between Label Studio and a receiver, and knows which events the receiver accepted."""

    def __init__(self) -> None:
        self.to = ""
        self.accepted: list[bytes] = []
        self.refused = 0
        self.address = ""


@contextmanager
def post() -> Iterator[Post]:
    """One, as long as the block lasts."""
    between = Post()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            secret = {"Authorization": self.headers.get("Authorization", "")}
            try:
                done = httpx.post(between.to, content=body, headers=secret, timeout=5).status_code == 200
            except httpx.HTTPError:
                done = False
            if done:
                between.accepted.append(body)
            else:
                between.refused += 1
            self.send_response(200 if done else 502)
            self.send_header("Content-Length", "0")
            self.end_headers()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        between.address = f"http://127.0.0.1:{server.server_address[1]}/"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield between
        server.shutdown()
