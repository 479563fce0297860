"""The receiver of webhooks: takes an event, puts it on the disk, answers; writing comes after."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from space_sql.errors import InvalidInputError, SpaceError
from space_sql.interop.label_studio.queue import Queue
from space_sql.interop.label_studio.writer import Writer

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True)
class Limits:
    """What is taken from whom.

    Args:
        secret: what the header must hold; None takes all events.
        header: the header of the secret.
        project: events of other projects are passed over; None takes all.
        size: bytes of an event, at most.
        rate: events a second, at most, in the long run; a burst may be five times as many.
    """

    secret: str | None = None
    header: str = "Authorization"
    project: int | None = None
    size: int = 32 * 1024 * 1024
    rate: float = 200.0


class _Bucket:
    def __init__(self, rate: float) -> None:
        self._rate, self._size = rate, 5 * rate
        self._left, self._seen = self._size, time.monotonic()

    def take(self) -> bool:
        """Whether there is room for one more."""
        now = time.monotonic()
        self._left = min(self._size, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def application(queue: Queue, writer: Writer, limits: Limits) -> Starlette:
    """The ASGI application: POST takes an event at any path, GET /health tells that it is there."""
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse
        from starlette.routing import Route
    except ImportError as error:
        raise InvalidInputError(
            f"receiving webhooks needs {error.name}: pip install 'space-sql[label-studio]'"
        ) from error
    bucket = _Bucket(limits.rate)

    def refused(status: int, why: str) -> Response:
        return JSONResponse({"error": why}, status)

    async def take(request: Request) -> Response:
        given = request.headers.get(limits.header, "")
        if limits.secret is not None and not hmac.compare_digest(given.encode(), limits.secret.encode()):
            return refused(401, f"the header {limits.header} does not hold the secret")
        if not bucket.take():
            return refused(429, "too many events")
        declared = request.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) > limits.size:
            return refused(413, f"an event is at most {limits.size} bytes long")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > limits.size:
                return refused(413, f"an event is at most {limits.size} bytes long")
        problem, wanted = _judged(bytes(body), limits.project)
        if problem is not None:
            return refused(400, problem)
        if not wanted:
            return JSONResponse({"status": "not of this project"})
        try:
            await run_in_threadpool(queue.add, bytes(body))
        except SpaceError as error:
            return refused(503, error.line)
        writer.wake()
        return JSONResponse({"status": "kept"})

    async def health(request: Request) -> Response:
        alive = writer.is_alive()
        return JSONResponse({"alive": alive, "waiting": len(queue.waiting())}, 200 if alive else 503)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        writer.start()
        yield
        writer.stop()
        await run_in_threadpool(writer.join, 30.0)

    routes = [Route("/health", health, methods=["GET"]), Route("/{path:path}", take, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


def _judged(body: bytes, project: int | None) -> tuple[str | None, bool]:
    """What is wrong with an event, and whether it is of the project."""
    try:
        event: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "the body is no JSON", False
    if not isinstance(event, dict) or not isinstance(event.get("action"), str):
        return 'an event is an object with an "action"', False
    told = event.get("project")
    other = project is not None and isinstance(told, dict) and told.get("id") != project
    return None, not other
