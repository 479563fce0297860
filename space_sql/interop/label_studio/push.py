"""Push: rows become tasks with predictions, under keys: doing it again sends what changed and adds nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from space_sql.dataset.engine import cursor
from space_sql.dataset.plan import source_struct
from space_sql.dataset.transact import Report
from space_sql.errors import InvalidInputError, NotFoundError, StorageError, near
from space_sql.format.types import quote_identifier
from space_sql.interop.label_studio.patience import Unsure
from space_sql.interop.label_studio.server import Server
from space_sql.interop.label_studio.statements import statements

KEY = "space_key"
"""Where a task's metadata has the key that it was pushed under."""

_COLUMNS = (
    *("task_id", "key", "data", "result", "from_name", "to_name", "kind", "region_id", "label", "score"),
    *("image_width", "image_height", "value", "x", "y", "width", "height", "rotation"),
    *("span_start", "span_end", "start_seconds", "end_seconds", "text", "number"),
)
_PARSED = ("data", "result", "value")
_CHUNK = 100
_ATTEMPTS = 5


@dataclass(frozen=True)
class Wanted:
    """A task as it should be: a known one, or one of that key; without ``result`` no prediction is asked for."""

    task_id: int | None
    key: str | None
    data: dict[str, Any] | None
    score: float | None
    result: list[Any] | None


class Push:
    """Rows being pushed: they are taken, judged by the project's configuration as a whole, and then sent."""

    takes_rows = True

    def __init__(self, address: str | None, source_type: str | None, model_version: str | None) -> None:
        if address is None:
            raise InvalidInputError("a project's address is required, like http://localhost:8080/projects/2")
        if not model_version:
            raise InvalidInputError("model_version cannot be empty: predictions are told apart by it")
        self._types = {name: str(type_) for name, type_ in source_struct(source_type).fields}
        unknown = [name for name in self._types if name.casefold() not in _COLUMNS]
        if unknown:
            raise InvalidInputError(
                f'"{unknown[0]}" is nothing that a prediction has.{near(unknown[0], _COLUMNS)} '
                f"Columns: {', '.join(_COLUMNS)}; the fields of a new task go into data"
            )
        self._address, self._model_version = address, model_version
        self._rows: list[pa.RecordBatch] = []

    def stage(self, rows: Any) -> None:
        """Take rows as Arrow structs."""
        chunks = rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows]
        self._rows += [pa.RecordBatch.from_struct_array(chunk) for chunk in chunks]

    def abort(self) -> None:
        """Nothing was sent."""

    def commit(self) -> Report:
        """Judge the rows, then send what the server does not have."""
        with Server(self._address) as server:
            wanted = self._wanted(server) if self._rows else []
            done = _Send(server, self._model_version, wanted).run()
        return Report([done])

    def _wanted(self, server: Server) -> list[Wanted]:
        """The tasks that the rows ask for.

        Raises:
            InvalidInputError: the labelling configuration does not allow a row.
        """
        controls = server.get(f"/api/projects/{server.project}")["parsed_label_config"]
        table = pa.Table.from_batches(self._rows)
        with cursor() as con:
            con.register("ls_arrived", table)
            items = ", ".join(self._item(name) for name in _COLUMNS)
            con.execute(f"CREATE TEMP TABLE ls_rows AS SELECT {items} FROM ls_arrived")
            con.execute(
                "CREATE TEMP TABLE ls_controls AS SELECT unnest($1::VARCHAR[]) AS name, unnest($2::VARCHAR[]) AS type, "
                "unnest($3::VARCHAR[][]) AS to_names, unnest($4::VARCHAR[][]) AS labels",
                [list(controls), *([c.get(k, []) for c in controls.values()] for k in ("type", "to_name", "labels"))],
            )
            con.execute(statements("push"))
            problems = con.execute(
                "SELECT count(*) OVER (), problem FROM ls_problems ORDER BY row_no LIMIT 1"
            ).fetchall()
            if problems:
                ((count, first),) = problems
                more = f" ({count - 1} more rows are wrong)" if count > 1 else ""
                raise InvalidInputError(f"{first}{more}; nothing was sent")
            rows = con.execute("SELECT task_id, key, data, score, result FROM ls_wanted").fetchall()
        return [Wanted(i, key, _parsed(data), score, _parsed(result)) for i, key, data, score, result in rows]

    def _item(self, name: str) -> str:
        found = next((n for n in self._types if n.casefold() == name), None)
        if found is None:
            return f"NULL::JSON AS {name}"
        shown = quote_identifier(found)
        text = self._types[found] == "JSON" or (name in _PARSED and self._types[found] == "VARCHAR")
        return f"{shown}::VARCHAR::JSON AS {name}" if text else f"to_json({shown}) AS {name}"


def _parsed(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


class _Send:
    def __init__(self, server: Server, model_version: str, wanted: Sequence[Wanted]) -> None:
        self.server, self.model_version, self.wanted = server, model_version, wanted
        self.done = dict.fromkeys(
            ("tasks_created", "tasks_updated", "predictions_created", "predictions_updated", "unchanged"), 0
        )

    def run(self) -> dict[str, int]:
        if not self.wanted:
            return self.done
        known = self._known()
        self._check(known)
        self._create([w for w in self.wanted if w.task_id is None and w.key not in known])
        found = [(w, t) for w in self.wanted if (t := known.get(w.task_id if w.key is None else w.key)) is not None]
        predictions = self._predictions() if any(w.result is not None for w, _ in found) else {}
        for wanted, task in found:
            moved = self._update(wanted, task)
            moved |= self._predict(wanted, int(task["id"]), predictions.get(int(task["id"]), []))
            self.done["unchanged"] += not moved
        return self.done

    def _known(self) -> dict[int | str | None, dict[str, Any]]:
        """The project's tasks by id and by key."""
        tasks: dict[int | str | None, dict[str, Any]] = {}
        for task in self.server.tasks(fields="id,data,meta"):
            tasks[int(task["id"])] = task
            key = (task.get("meta") or {}).get(KEY)
            if isinstance(key, str):
                tasks.setdefault(key, task)
        return tasks

    def _check(self, known: Mapping[int | str | None, Any]) -> None:
        for wanted in self.wanted:
            if wanted.task_id is not None and wanted.task_id not in known:
                raise NotFoundError(f"project {self.server.project} has no task {wanted.task_id}; nothing was sent")
            if wanted.key is not None and wanted.key not in known and not wanted.data:
                raise InvalidInputError(f'no task has the key "{wanted.key}", and without data none can be made')

    def _create(self, missing: Sequence[Wanted]) -> None:
        """New tasks, some at a time. When it is not sure whether they arrived, the server is asked first."""
        for chunk in _chunks(missing):
            left = chunk
            for _ in range(_ATTEMPTS):
                tasks = [self._task(w) for w in left]
                try:
                    self.server.send("POST", f"/api/projects/{self.server.project}/import", once=True, json=tasks)
                    left = []
                except Unsure:
                    known = self._known()
                    left = [w for w in left if w.key not in known]
                if not left:
                    break
            if left:
                raise StorageError(f"{self.server.base} does not take new tasks; push again")
            self.done["tasks_created"] += len(chunk)
            self.done["predictions_created"] += sum(w.result is not None for w in chunk)

    def _task(self, wanted: Wanted) -> dict[str, Any]:
        task: dict[str, Any] = {"data": wanted.data, "meta": {KEY: wanted.key}}
        if wanted.result is not None:
            task["predictions"] = [self._prediction(wanted)]
        return task

    def _prediction(self, wanted: Wanted) -> dict[str, Any]:
        return {"model_version": self.model_version, "score": wanted.score, "result": wanted.result}

    def _predictions(self) -> dict[int, list[dict[str, Any]]]:
        """The predictions of this model by task, oldest first."""
        found: dict[int, list[dict[str, Any]]] = {}
        for prediction in self.server.get("/api/predictions", project=self.server.project):
            if prediction["model_version"] == self.model_version:
                found.setdefault(int(prediction["task"]), []).append(prediction)
        return {task: sorted(several, key=lambda p: p["id"]) for task, several in found.items()}

    def _update(self, wanted: Wanted, task: Mapping[str, Any]) -> bool:
        if wanted.data is None or wanted.data == task["data"]:
            return False
        self.server.send("PATCH", f"/api/tasks/{task['id']}/", json={"data": wanted.data})
        self.done["tasks_updated"] += 1
        return True

    def _predict(self, wanted: Wanted, task: int, known: Sequence[Mapping[str, Any]]) -> bool:
        if wanted.result is None:
            return False
        for double in known[1:]:  # of a push that was interrupted
            self.server.send("DELETE", f"/api/predictions/{double['id']}/")
        if not known:
            self.server.send("POST", "/api/predictions/", json={"task": task, **self._prediction(wanted)})
            self.done["predictions_created"] += 1
            return True
        if known[0]["result"] == wanted.result and known[0]["score"] == wanted.score:
            return False
        self.server.send("PATCH", f"/api/predictions/{known[0]['id']}/", json=self._prediction(wanted))
        self.done["predictions_updated"] += 1
        return True


def _chunks(wanted: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    return (wanted[i : i + _CHUNK] for i in range(0, len(wanted), _CHUNK))
