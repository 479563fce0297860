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

CREATE TEMP TABLE ls_new_annotations AS
SELECT
  (a->>'id')::BIGINT AS annotation_id,
  task_id,
  project,
  (a->>'unique_id') AS unique_id,
  CASE json_type(a->'completed_by') WHEN 'OBJECT' THEN (a->'completed_by'->>'id') ELSE (a->>'completed_by') END::BIGINT AS annotator,
  (a->'completed_by'->>'email') AS annotator_email,
  coalesce((a->>'was_cancelled')::BOOLEAN, false) AS skipped,
  coalesce((a->>'ground_truth')::BOOLEAN, false) AS ground_truth,
  (a->>'parent_prediction')::BIGINT AS parent_prediction,
  (a->>'parent_annotation')::BIGINT AS parent_annotation,
  (a->>'lead_time')::DOUBLE AS lead_time,
  (a->>'created_at')::TIMESTAMPTZ AS created_at,
  (a->>'updated_at')::TIMESTAMPTZ AS updated_at,
  try_cast(a->>'updated_by' AS BIGINT) AS updated_by,
  json(coalesce(nullif(a->'result', 'null'::JSON), '[]'::JSON)) AS result
FROM (
  SELECT
    (task->>'id')::BIGINT AS task_id,
    coalesce((task->>'project')::BIGINT, getvariable('ls_project')::BIGINT) AS project,
    unnest(from_json(task->'annotations', '["JSON"]')) AS a
  FROM ls_source
);

CREATE TEMP TABLE ls_covered AS SELECT task_id FROM ls_new_tasks;

INSERT INTO ls_present SELECT task_id FROM ls_new_tasks;
