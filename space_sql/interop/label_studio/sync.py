"""Sync: a project's datasets brought up to its server, by what changed there since the last time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pyarrow as pa

from space_sql.dataset.dataset import folder
from space_sql.dataset.engine import cursor
from space_sql.dataset.session import Session
from space_sql.dataset.transact import Options, branch_of
from space_sql.errors import NotFoundError, StorageError
from space_sql.format.names import MAIN
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.datasets import KEYS, Row, put, stored_sql
from space_sql.interop.label_studio.media import Media
from space_sql.interop.label_studio.place import Place
from space_sql.interop.label_studio.server import Server
from space_sql.interop.label_studio.standing import OVERLAP, Standing, keep, standing
from space_sql.interop.label_studio.statements import statements
from space_sql.storage import files

_FIELDS = "id,updated_at,total_annotations,cancelled_annotations,total_predictions"
_PART = 200
_CUT = 100

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much."""


@dataclass(frozen=True)
class Listed:
    """The server's list of tasks, and what of it is new here."""

    ids: list[int]
    changed: list[int]
    gone: int
    marks: dict[int, str]
    reached: Standing


def sync(
    server: Server,
    path: str,
    options: Options | None = None,
    *,
    media: Media | None = None,
    anew: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> list[Row]:
    """Bring the three datasets up to the server: one snapshot for each that changes.

    What was fetched is kept until it is written, so a sync that is killed goes on where it was. With ``anew``, all
    tasks are looked at, also those that did not change there: what was changed here is taken back.

    Returns:
        A row for each dataset, as ``put`` does; none when nothing changed.
    """
    options = options or Options()
    root = folder(path)
    place = Place(root)
    session = Session(0, 0)
    branch = branch_of(session, options)
    with place.alone(f"sync of project {server.project}"):
        place.tidy(server.project)
        listed = _listed(server, session, root, place, branch, anew)
        progress("tasks", 0, len(listed.changed))
        rows: list[Row] = []
        if listed.changed or listed.gone or not _is_there(session, root, branch):
            with _fetched(server, place, listed, progress) as file:
                batch = Batch(
                    file=file,
                    project=server.project,
                    complete=True,
                    present=listed.ids,
                    users=server.users(),
                    fetch=server.fetch,
                )
                rows = put(session, path, batch, options, media)
        keep(place, root, server.base, server.project, branch, listed.reached)
        for part in place.parts(server.project).iterdir():
            files.remove_quietly(part)
    return rows


def _is_there(session: Session, root: Path, branch: str) -> bool:
    """Whether all three datasets have the branch."""
    try:
        return all(branch in session.view(str(root / name)).refs.branches for name in KEYS)
    except NotFoundError:
        return False


def _listed(server: Server, session: Session, root: Path, place: Place, branch: str, anew: bool) -> Listed:
    base = branch if _is_there(session, root, branch) else MAIN  # which a branch that is missing is made from
    known = Standing() if anew else standing(place, session, root, server.base, server.project, base)
    since = datetime.fromisoformat(known.updated_at) - OVERLAP
    asked_at = time.time_ns()
    tasks = list(server.tasks(fields=_FIELDS))
    try:
        table = _table(tasks)
    except (LookupError, TypeError, ValueError) as error:
        raise StorageError(f"{server.base} sent a list of tasks of a form that is not known") from error
    stored = stored_sql(session, root, "tasks", branch, ["task_id", "project", "prediction_ids"])
    given = stored_sql(session, root, "annotations", branch, ["task_id"])
    with cursor() as con:
        con.register("ls_list", table)
        con.execute(f"SET VARIABLE ls_since = '{since.isoformat()}'")
        con.execute(
            "CREATE TEMP VIEW ls_stored AS SELECT 0::BIGINT AS task_id, 0 AS annotations, 0 AS predictions WHERE false"
            if stored is None or given is None
            else f"CREATE TEMP VIEW ls_stored AS SELECT task_id, coalesce(n, 0) AS annotations, "
            f"len(prediction_ids) AS predictions FROM ({stored}) LEFT JOIN "
            f"(SELECT task_id, count(*) AS n FROM ({given}) GROUP BY task_id) USING (task_id) "
            f"WHERE project = {server.project}"
        )
        ((changed, gone),) = con.execute(statements("sweep")).fetchall()
    marks = {t["id"]: str(t) for t in tasks}
    newest = max((known.updated_at, *(t["updated_at"] for t in tasks)), key=datetime.fromisoformat)
    return Listed([t["id"] for t in tasks], changed, gone, marks, Standing(newest, asked_at))


def _table(tasks: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.table(
        {
            "task_id": pa.array([t["id"] for t in tasks], pa.int64()),
            "updated_at": pa.array([datetime.fromisoformat(t["updated_at"]) for t in tasks], pa.timestamp("us", "UTC")),
            "annotations": pa.array([t["total_annotations"] + t["cancelled_annotations"] for t in tasks], pa.int64()),
            "predictions": pa.array([t["total_predictions"] for t in tasks], pa.int64()),
        }
    )


@contextmanager
def _fetched(server: Server, place: Place, listed: Listed, progress: Progress) -> Iterator[Path]:
    """An export of the changed tasks: parts that an earlier, interrupted sync fetched are not fetched again."""
    parts, done = [], 0
    for some in _cut(listed.changed):
        parts.append(_part(server, place, some, [listed.marks[i] for i in some]))
        done += len(some)
        progress("tasks", done, len(listed.changed))
    with TemporaryDirectory(dir=place.root, prefix=place.unfinished(server.project)) as temporary:
        whole = Path(temporary) / "export.json"
        with whole.open("wb") as out:
            out.write(b"[")
            between = b""
            for part in parts:
                if inside := part.read_bytes().strip()[1:-1].strip():
                    out.write(between + inside)
                    between = b","
            out.write(b"]")
        yield whole


def _cut(ids: Sequence[int]) -> Iterator[list[int]]:
    """Parts of a few hundred tasks. Where one ends depends on ids alone: what comes or goes moves no other part."""
    part: list[int] = []
    for number in ids:
        part.append(number)
        if len(part) == _PART or number % _CUT == 0:
            yield part
            part = []
    if part:
        yield part


def _part(server: Server, place: Place, ids: Sequence[int], marks: Sequence[str]) -> Path:
    name = hashlib.sha256(orjson.dumps([server.base, list(ids), list(marks)])).hexdigest()
    file = place.parts(server.project) / f"{name}.json"
    if not file.exists():
        with server.export(ids) as fetched:
            data = fetched.read_bytes()
        _check(server, data)
        files.replace(file, data, sync=True)
    return file


def _check(server: Server, data: bytes) -> None:
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise StorageError(f"{server.base} sent an export that is cut off or no JSON array; run the sync again")
