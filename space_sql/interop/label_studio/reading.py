"""From what arrived to the tables of tasks, annotations and regions, and what they are known to be all of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from space_sql.errors import InvalidInputError
from space_sql.format.types import quote_literal
from space_sql.interop.label_studio.batch import Batch
from space_sql.interop.label_studio.statements import statements

if TYPE_CHECKING:
    import duckdb

_FORMS = """
SELECT count(*) FILTER (NOT (is_full OR is_min)), count(*) FILTER (is_full), count(*) FILTER (is_min) FROM (
  SELECT
    coalesce(json_type(task->'data') = 'OBJECT' AND json_type(task->'annotations') = 'ARRAY', false) AS is_full,
    NOT is_full AND json_exists(task, '$.annotator') AND json_exists(task, '$.annotation_id')
      AND json_exists(task, '$.id') AS is_min
  FROM ls_source
)
"""


def read(con: duckdb.DuckDBPyConnection, batch: Batch) -> bool:
    """Make the tables ``ls_new_tasks``, ``ls_new_annotations``, ``ls_new_regions`` and those of their scope.

    Returns:
        Whether the batch tells less than a full export.
    """
    con.execute(f"SET VARIABLE ls_project = {'NULL' if batch.project is None else int(batch.project)}")
    con.execute(f"SET VARIABLE ls_partial = {str(not batch.complete).lower()}")
    for name, ids in (("ls_present", batch.present), ("ls_deleted_tasks", batch.deleted)):
        con.execute(f"CREATE TEMP TABLE {name} AS SELECT unnest($1::BIGINT[]) AS task_id", [list(ids)])
    con.execute("CREATE TEMP TABLE ls_ended_tasks (task_id BIGINT, seq BIGINT)")
    con.execute("CREATE TEMP TABLE ls_deleted_annotations (annotation_id BIGINT)")
    con.execute(
        "CREATE TEMP TABLE ls_users AS SELECT unnest($1::BIGINT[]) AS id, unnest($2::VARCHAR[]) AS email",
        [list(batch.users), list(batch.users.values())],
    )
    if batch.file is not None:
        form = _source(con, batch.file)
    else:
        con.execute(
            "CREATE TEMP TABLE ls_events AS SELECT unnest($1::VARCHAR[])::JSON AS event, "
            "generate_subscripts($1::VARCHAR[], 1) AS seq",
            [[event.decode() for event in batch.events]],
        )
        form = "read_events"
    least = form == "read_json_min"
    con.execute(statements(form))
    if not least:
        con.execute(statements("read_annotations"))
    con.execute(statements("read_users"))
    con.execute(statements("read_regions"))
    con.execute("CREATE TEMP TABLE ls_complete (project BIGINT)")
    if batch.complete:
        _complete(con, batch)
    return least


def _complete(con: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    if batch.project is not None:
        con.execute("INSERT INTO ls_complete VALUES ($1)", [batch.project])
    con.execute("INSERT INTO ls_complete SELECT DISTINCT project FROM ls_new_tasks EXCEPT FROM ls_complete")
    if not con.execute("SELECT 1 FROM ls_complete LIMIT 1").fetchall():
        raise InvalidInputError("the export has no task, so it does not tell its project: name it with project => 2")


def _source(con: duckdb.DuckDBPyConnection, file: Path) -> str:
    """The table ``ls_source`` with the objects of a file; returns the form that they have."""
    con.execute(
        "CREATE TEMP TABLE ls_source AS SELECT json AS task FROM read_json_objects("
        f"{quote_literal(str(file))}, format = 'array', maximum_object_size = 1073741824)"
    )
    ((strange, full, least),) = con.execute(_FORMS).fetchall()
    if strange or (full and least):
        raise InvalidInputError(
            f"{file} is no export of Label Studio with its tasks: export the project as JSON or JSON_MIN "
            "(other formats do not tell enough)"
        )
    return "read_json_min" if least else "read_export"
