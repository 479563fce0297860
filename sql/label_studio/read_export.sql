-- Tasks and annotations of an export: `ls_source` has one JSON object a task. Free parts stay JSON, so no project's data
-- can break the types. Annotators are ids in a plain export and objects in an expanded one, and so are predictions.
CREATE TEMP TABLE ls_new_tasks AS
SELECT
  (task->>'id')::BIGINT AS task_id,
  coalesce((task->>'project')::BIGINT, getvariable('ls_project')::BIGINT) AS project,
  (task->>'inner_id')::BIGINT AS inner_id,
  json(task->'data') AS data,
  json(nullif(task->'meta', 'null'::JSON)) AS meta,
  list_sort(list_transform(
    coalesce(from_json(task->'predictions', '["JSON"]'), []),
    lambda p: CASE json_type(p) WHEN 'OBJECT' THEN (p->>'id') ELSE (p->>'$') END::BIGINT
  )) AS prediction_ids,
  (task->>'created_at')::TIMESTAMPTZ AS created_at,
  (task->>'updated_at')::TIMESTAMPTZ AS updated_at,
  try_cast(task->>'updated_by' AS BIGINT) AS updated_by
FROM ls_source;

CREATE TEMP TABLE ls_told AS
SELECT (a->>'id')::BIGINT AS annotation_id, task_id, project, a
FROM (
  SELECT
    (task->>'id')::BIGINT AS task_id,
    coalesce((task->>'project')::BIGINT, getvariable('ls_project')::BIGINT) AS project,
    unnest(from_json(task->'annotations', '["JSON"]')) AS a
  FROM ls_source
);

CREATE TEMP TABLE ls_covered AS SELECT task_id FROM ls_new_tasks;

INSERT INTO ls_present SELECT task_id FROM ls_new_tasks;
