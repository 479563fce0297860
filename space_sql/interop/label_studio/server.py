"""A project on a Label Studio server, by its HTTP API; patient with one that is busy or away for a moment."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from space_sql.errors import InvalidInputError, NotFoundError, StorageError
from space_sql.interop.label_studio.fetching import download, fetch_public
from space_sql.interop.label_studio.patience import Busy, Unsure, check_busy, library, patiently

if TYPE_CHECKING:
    import httpx

TOKEN = "LABEL_STUDIO_API_KEY"
"""The environment variable of the token: an access token, or a personal one."""

_ADDRESS = re.compile(r"(?P<base>https?://[^?#]+?)/(?:api/)?projects/(?P<project>\d+)(?:[/?#].*)?")
_PAGE = 1000
_Answer = TypeVar("_Answer")


class Server:
    """One project; use it as a context manager.

    Args:
        address: as the browser shows it: ``http://localhost:8080/projects/2``.
        rate: requests a second, at most.
        attempts: how often a request is tried.
        timeout: seconds to wait for an answer.
        pause: seconds to wait before the second attempt, at most; longer each time.
    """

    def __init__(
        self, address: str, *, rate: float = 20.0, attempts: int = 8, timeout: float = 60.0, pause: float = 0.4
    ) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise InvalidInputError(f"'{address}' is no project's address; it is like http://localhost:8080/projects/2")
        self.base, self.project = found["base"], int(found["project"])
        self._rate, self._attempts, self._pause = rate, attempts, pause
        self._next = 0.0
        self.clock: datetime | None = None
        """The server's time when it last answered, where it tells."""
        self._token = os.environ.get(TOKEN, "")
        if not self._token:
            raise InvalidInputError(f"the environment variable {TOKEN} holds no token for {self.base}")
        self._client = library().Client(base_url=self.base, timeout=timeout, follow_redirects=True)
        if self._token.count(".") != 2:
            self._client.headers["Authorization"] = f"Token {self._token}"

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON that a GET gives."""
        return self._json(self.send("GET", path, params=params))

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
            told = f"{self.base} answered {answer.request.url.path} with {kind}, not with JSON"
            raise StorageError(f"{told}: is it a Label Studio server?") from error

    def send(self, method: str, path: str, *, once: bool = False, **arguments: Any) -> httpx.Response:
        """The answer to a request, tried again while the server is busy or away.

        With ``once`` it is not sent again when it may have been done already.

        Raises:
            Unsure: with ``once``, it may have been done or not.
            NotFoundError, InvalidInputError: the server refuses, for good.
            StorageError: it did not answer in all attempts.
        """
        try:
            return self._patiently(lambda: self._once(method, path, arguments), f"{method} {path}", again=not once)
        except StorageError as error:
            if once:
                raise Unsure(error.message) from error
            raise

    def _once(self, method: str, path: str, arguments: Mapping[str, Any]) -> httpx.Response:
        self._wait()
        self._authorize()
        answer = _checked(self._client.request(method, path, **arguments), self)
        with contextlib.suppress(LookupError, ValueError):
            self.clock = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
        return answer

    def _authorize(self) -> None:
        """A personal token is changed for one of a few minutes."""
        if "Authorization" not in self._client.headers:
            answer = self._client.post("/api/token/refresh", json={"refresh": self._token})
            access = self._json(_checked(answer, self))["access"]
            self._client.headers["Authorization"] = f"Bearer {access}"

    def forget_access(self) -> bool:
        """Drop a short-lived token that the server no longer takes; returns whether there was one."""
        had: bool = self._client.headers.get("Authorization", "").startswith("Bearer ")
        if had:
            del self._client.headers["Authorization"]
        return had

    def _wait(self) -> None:
        """No more requests a second than allowed."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self._rate

    def _patiently(self, request: Callable[[], _Answer], what: str, *, again: bool = True) -> _Answer:
        return patiently(request, f"{what} of {self.base}", self._attempts, self._pause, again=again)

    @contextmanager
    def export(self, ids: Sequence[int] | None = None) -> Iterator[Path]:
        """The file of an export of all tasks, or of those with these ids: few enough for an address."""
        with tempfile.TemporaryDirectory(prefix="space-label-studio-") as folder:
            file = Path(folder) / "export.json"
            self._patiently(lambda: self._download(file, ids), "export")
            yield file

    def _download(self, file: Path, ids: Sequence[int] | None) -> None:
        self._wait()
        self._authorize()
        params: list[tuple[str, str | int]] = [("exportType", "JSON"), ("download_all_tasks", "true")]
        params += [("ids[]", i) for i in ids or ()]
        with self._client.stream("GET", f"/api/projects/{self.project}/export", params=params) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer, self)
            with file.open("wb") as out:
                for piece in answer.iter_bytes():
                    out.write(piece)
        with file.open("rb") as written:
            first = written.read(1)
            written.seek(max(0, file.stat().st_size - 16))
            if first != b"[" or not written.read().rstrip().endswith(b"]"):
                raise StorageError(f"{self.base} sent an export that is cut off or no JSON array; try again")

    def fetch(self, address: str, file: Path) -> None:
        """Write what a task names into a file: this server is asked with the token, another one as anyone may.

        Raises:
            NotFoundError, InvalidInputError, StorageError: as ``fetch_public`` does.
        """
        ours = f"{self.base}/"
        if not address.startswith((ours, "/")) or address.startswith("//"):
            fetch_public(address, file)
            return
        path = address.removeprefix(self.base)
        self._patiently(lambda: self._fetch(path, file), f"GET {path}")

    def _fetch(self, path: str, file: Path) -> None:
        self._wait()
        self._authorize()
        download(self._client, path, file, self.forget_access)

    def tasks(self, *, fields: str) -> Iterator[dict[str, Any]]:
        """Tasks in the list's form, by their ids; ``fields`` are the keys that are wanted.

        A page begins after the last id of the one before, so none is passed over when others are deleted meanwhile.
        """
        after = 0
        while True:
            found = self.get(
                "/api/tasks",
                project=self.project,
                page=1,
                page_size=_PAGE,
                include=fields,
                ordering="id",
                query=orjson.dumps(_after(after)).decode(),
            )
            try:
                tasks, total = found["tasks"], int(found["total"])
                ids = [int(task["id"]) for task in tasks]
            except (LookupError, TypeError, ValueError) as error:
                raise StorageError(f"{self.base} sent a list of tasks of a form that is not known") from error
            if ids and (ids != sorted(set(ids)) or ids[0] <= after):
                raise StorageError(f"{self.base} sent tasks that were not asked for, or twice; nothing was changed")
            yield from tasks
            if len(tasks) >= total:
                return
            if not tasks:
                raise StorageError(f"{self.base} told of {total} more tasks and sent none; nothing was changed")
            after = ids[-1]

    def users(self) -> dict[int, str]:
        """E-mail addresses by id; none where the token may not see them."""
        try:
            return {int(user["id"]): str(user["email"]) for user in self.get("/api/users") if user.get("email")}
        except (InvalidInputError, NotFoundError):
            return {}

    def register(self, address: str, headers: Mapping[str, str]) -> None:
        """Have the project send all its events to an address; a registration that exists is brought up to date."""
        wanted = {
            "project": self.project,
            "url": address,
            "send_payload": True,
            "send_for_all_actions": True,
            "headers": dict(headers),
            "is_active": True,
        }
        for known in self.get("/api/webhooks/", project=self.project):
            if known.get("url") == address and known.get("project") == self.project:
                if any(known.get(key) != value for key, value in wanted.items()):
                    self.send("PATCH", f"/api/webhooks/{known['id']}/", json=wanted)
                return
        self.send("POST", "/api/webhooks/", json=wanted)


def _after(number: int) -> dict[str, Any]:
    """The filter of tasks with greater ids."""
    item = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": number}
    return {"filters": {"conjunction": "and", "items": [item]}}


def _checked(answer: httpx.Response, server: Server) -> httpx.Response:
    """The answer when it is good; else the error that says what to do."""
    status = answer.status_code
    if status < 400:
        return answer
    check_busy(answer)
    if status == 401 and server.forget_access():
        raise Busy(status, 0.0)
    path = answer.request.url.path
    if status in (401, 403):
        raise InvalidInputError(f"{server.base} refuses the token in {TOKEN} ({status} to {path})")
    if status == 404:
        raise NotFoundError(f"{server.base} has no {path}: is {server.project} the right project?")
    raise InvalidInputError(f"{server.base} answered {status} to {path}: {' '.join(answer.text.split())[:300]}")
