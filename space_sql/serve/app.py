"""The routes: the page's own files, and what it asks for, as JSON or Arrow. Nothing here changes a dataset."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import duckdb
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import space_sql
from space_sql.dataset.engine import explained
from space_sql.errors import InvalidInputError, NotFoundError, SpaceError
from space_sql.format.media import media_type
from space_sql.hosts.read_only import checked
from space_sql.hosts.sandbox import Sandbox
from space_sql.serve import answer, browse
from space_sql.serve.describe import detailed, listed
from space_sql.serve.guard import LOOPBACK, Guard
from space_sql.serve.statistics import statistics

PAGE = Path(__file__).parent / "page"
_MOST_BODY = 200_000
_log = logging.getLogger("space_sql")


def make_app(
    folder: Path, *, hosts: Collection[str] = LOOPBACK, seconds: float = 30.0, most_rows: int = 100_000
) -> Starlette:
    """The application for the datasets below a folder.

    Arguments:
        hosts: names by which it may be reached.
        seconds: how long a statement may take.
        most_rows: how many rows a statement gives at most, as Arrow.
    """
    box = Sandbox(folder, seconds=seconds, memory="2GB")

    def datasets(asked: dict[str, str]) -> Any:
        return {"folder": box.root.name, "version": space_sql.__version__, "datasets": listed(box)}

    def dataset(asked: dict[str, str]) -> Any:
        return detailed(box, _needed(asked, "name"), asked.get("version") or None)

    def column(asked: dict[str, str]) -> Any:
        return statistics(box, _needed(asked, "name"), asked.get("version") or None, _needed(asked, "column"))

    def rows(asked: dict[str, str]) -> Any:
        return browse.rows(
            box,
            _needed(asked, "name"),
            asked.get("version") or None,
            asked.get("where") or None,
            asked.get("order") or None,
            asked.get("descending") == "true",
            _number(asked, "offset", 0),
            _number(asked, "limit", 100),
        )

    def diff(asked: dict[str, str]) -> Any:
        return browse.difference(box, _needed(asked, "name"), _needed(asked, "from"), _needed(asked, "to"))

    def record(asked: dict[str, str]) -> Response:
        address = (_needed(asked, "file"), _number(asked, "row", 0), _number(asked, "bytes", 0))
        found = box.record(_needed(asked, "name"), *address)
        kind = media_type(found or b"")
        headers = {"Cache-Control": "private, max-age=3600"}
        if kind is None:
            headers["Content-Disposition"] = 'attachment; filename="record"'
        return Response(found or b"", media_type=kind or "application/octet-stream", headers=headers)

    def sql(asked: dict[str, str]) -> Any:
        limit = _number(asked, "limit", 1000)
        if not 0 < limit <= most_rows:
            raise InvalidInputError(f"limit is 1 to {most_rows}")
        begun = time.perf_counter()
        box.refresh()
        with box.cursor() as con:
            query = checked(con, _needed(asked, "sql"))
            if asked.get("format") == "arrow":
                data, more = answer.arrow(con, query, limit)
                headers = {"Space-More": "true" if more else "false"}
                return Response(data, media_type="application/vnd.apache.arrow.stream", headers=headers)
            found = answer.table(con, query, min(limit, 10_000))
        return {**found, "milliseconds": round((time.perf_counter() - begun) * 1000, 1)}

    async def home(_request: Request) -> Response:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    routes = [
        Route("/", home),
        *(Route(f"/api/{made.__name__}", _endpoint(made)) for made in (datasets, dataset, column, rows, diff, record)),
        Route("/api/sql", _endpoint(sql), methods=["GET", "POST"]),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, hosts=hosts)])


def _endpoint(make: Callable[[dict[str, str]], Any]) -> Callable[[Request], Any]:
    async def answered(request: Request) -> Response:
        try:
            asked = dict(request.query_params)
            if request.method == "POST":
                asked |= await _body(request)
            made = await run_in_threadpool(make, asked)
            return made if isinstance(made, Response) else JSONResponse(made)
        except SpaceError as error:
            return _failed(error)
        except duckdb.Error as error:
            return _failed(explained(error))
        except Exception as error:
            _log.exception("unexpected error", exc_info=error)
            return JSONResponse({"error": f"internal: {type(error).__name__}"}, 500)

    return answered


async def _body(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise InvalidInputError("the body is JSON: Content-Type: application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            raise InvalidInputError(f"the body may have {_MOST_BODY:,} bytes")
    try:
        given = json.loads(body)
    except ValueError as error:
        raise InvalidInputError("the body is not JSON") from error
    if not isinstance(given, dict):
        raise InvalidInputError("the body is a JSON object")
    return {str(name): str(value) for name, value in given.items() if value is not None}


def _failed(error: SpaceError) -> Response:
    line = error.line
    ours = line.partition(": ")[2]
    if ours.startswith(
        ("invalid-input: ", "not-found: ", "format: ", "storage: ")
    ):  # an error that went through DuckDB
        line = ours
    return JSONResponse({"error": line}, 404 if isinstance(error, NotFoundError) else 400)


def _needed(asked: dict[str, str], name: str) -> str:
    value = asked.get(name)
    if not value:
        raise InvalidInputError(f"{name} is missing")
    return value


def _number(asked: dict[str, str], name: str, otherwise: int) -> int:
    text = asked.get(name)
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInputError(f"{name} is a whole number, not '{text}'")
    return int(text)
