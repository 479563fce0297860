"""A project on a Label Studio server, by its HTTP API; patient with one that is busy or away for a moment."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from space_sql.errors import InvalidInputError, NotFoundError, StorageError

if TYPE_CHECKING:
    import httpx

TOKEN = "LABEL_STUDIO_API_KEY"
"""The environment variable of the token: an access token, or a personal one."""

_ADDRESS = re.compile(r"(?P<base>https?://[^?#]+?)/(?:api/)?projects/(?P<project>\d+)(?:[/?#].*)?")
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_PAGE = 1000


class Server:
    """One project; use it as a context manager.

    Args:
        address: as the browser shows it: ``http://localhost:8080/projects/2``.
        rate: requests a second, at most.
        attempts: how often a request is tried.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, address: str, *, rate: float = 20.0, attempts: int = 8, timeout: float = 60.0) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise InvalidInputError(f"'{address}' is no project's address; it is like http://localhost:8080/projects/2")
        self.base, self.project = found["base"], int(found["project"])
        self._rate, self._attempts, self._timeout = rate, attempts, timeout
        self._next = 0.0
        self._token = os.environ.get(TOKEN, "")
        if not self._token:
            raise InvalidInputError(f"the environment variable {TOKEN} holds no token for {self.base}")
        self._client = _httpx().Client(base_url=self.base, timeout=timeout, follow_redirects=True)
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
        return self.send("GET", path, params=params).json()

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
        return _checked(self._client.request(method, path, **arguments), self)

    def _authorize(self) -> None:
        """A personal token is changed for one of a few minutes."""
        if "Authorization" not in self._client.headers:
            answer = self._client.post("/api/token/refresh", json={"refresh": self._token})
            access = _checked(answer, self).json()["access"]
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

    def _patiently(self, request: Any, what: str, *, again: bool = True) -> Any:
        import tenacity

        httpx = _httpx()
        fallback = tenacity.wait_exponential_jitter(initial=0.2, max=20)

        again_on = (_Busy, httpx.TransportError)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            asked = error.after if isinstance(error, _Busy) else None
            return min(asked, 120.0) if asked is not None else fallback(state)

        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception(
                    lambda e: (again or (isinstance(e, _Busy) and e.refused)) and isinstance(e, again_on)
                ),
                stop=tenacity.stop_after_attempt(self._attempts),
                wait=wait,
                reraise=True,
            )(request)
        except _Busy as error:
            raise StorageError(f"{self.base} answered {error} to {what}, {self._attempts} times") from error
        except httpx.TransportError as error:
            told = str(error) or type(error).__name__
            raise StorageError(f"{self.base} does not answer to {what}: {told} ({self._attempts} attempts)") from error

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

    def tasks(self, *, fields: str, query: str | None = None) -> Iterator[dict[str, Any]]:
        """Tasks in the list's form, page by page; ``fields`` are the keys that are wanted."""
        page, seen, total = 1, 0, 1
        while seen < total:
            params: dict[str, Any] = {
                "project": self.project,
                "page": page,
                "page_size": _PAGE,
                "include": fields,
                "ordering": "id",
            }
            if query is not None:
                params["query"] = query
            found = self.get("/api/tasks", **params)
            tasks, total = found["tasks"], int(found["total"])
            yield from tasks
            if not tasks:
                return
            page, seen = page + 1, seen + len(tasks)

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


class Unsure(StorageError):
    """A request that must not be made twice may have been done or not."""


class _Busy(Exception):
    """The server asks to come again, ``after`` so many seconds where it says so; ``refused``: it did nothing."""

    def __init__(self, status: int, after: float | None) -> None:
        super().__init__(str(status))
        self.after = after
        self.refused = status in (401, 425, 429, 503)


def _checked(answer: httpx.Response, server: Server) -> httpx.Response:
    """The answer when it is good; else the error that says what to do."""
    status = answer.status_code
    if status < 400:
        return answer
    if status in _BUSY:
        told = answer.headers.get("Retry-After", "")
        raise _Busy(status, float(told) if told.isdecimal() else None)
    if status == 401 and server.forget_access():
        raise _Busy(status, 0.0)
    path = answer.request.url.path
    if status in (401, 403):
        raise InvalidInputError(f"{server.base} refuses the token in {TOKEN} ({status} to {path})")
    if status == 404:
        raise NotFoundError(f"{server.base} has no {path}: is {server.project} the right project?")
    raise InvalidInputError(f"{server.base} answered {status} to {path}: {' '.join(answer.text.split())[:300]}")


def _httpx() -> Any:
    try:
        import httpx
        import tenacity  # noqa: F401
    except ImportError as error:
        raise InvalidInputError(
            f"talking to Label Studio needs {error.name}: pip install 'space-sql[label-studio]'"
        ) from error
    return httpx
