-- Tasks and annotations as webhooks tell them: `ls_events(seq, event)`. Of each, the last thing that was told stands.
-- Deleting a task is told of the task alone, deleting an annotation without its task.
CREATE TEMP TABLE ls_told_tasks AS
SELECT seq, (task->>'id')::BIGINT AS task_id, task, (event->>'action') = 'TASKS_DELETED' AS is_deleted
FROM (
  SELECT seq, event, unnest(
    CASE json_type(event->'tasks') WHEN 'ARRAY' THEN from_json(event->'tasks', '["JSON"]') ELSE [] END
    || CASE json_type(event->'task') WHEN 'ARRAY' THEN from_json(event->'task', '["JSON"]') WHEN 'OBJECT' THEN [(event->'task')] ELSE [] END
  ) AS task
  FROM ls_events
)
WHERE json_type(task->'id') IN ('BIGINT', 'UBIGINT');

CREATE TEMP TABLE ls_told_annotations AS
SELECT seq, (a->>'id')::BIGINT AS annotation_id, a, (event->>'action') = 'ANNOTATIONS_DELETED' AS is_deleted
FROM (
  SELECT seq, event, unnest(
    CASE json_type(event->'annotations') WHEN 'ARRAY' THEN from_json(event->'annotations', '["JSON"]') ELSE [] END
    || CASE json_type(event->'annotation')
      WHEN 'ARRAY' THEN from_json(event->'annotation', '["JSON"]') WHEN 'OBJECT' THEN [(event->'annotation')] ELSE [] END
  ) AS a
  FROM ls_events
)
WHERE json_type(a->'id') IN ('BIGINT', 'UBIGINT');

-- A task that was deleted took its annotations along, also where another task came under its id.
INSERT INTO ls_ended_tasks SELECT task_id, max(seq) FROM ls_told_tasks WHERE is_deleted GROUP BY task_id;
INSERT INTO ls_deleted_tasks SELECT task_id FROM ls_told_tasks GROUP BY task_id HAVING arg_max(is_deleted, seq);
INSERT INTO ls_deleted_annotations SELECT annotation_id FROM ls_told_annotations GROUP BY annotation_id HAVING arg_max(is_deleted, seq);

CREATE TEMP TABLE ls_new_tasks AS
SELECT
  task_id,
  (task->>'project')::BIGINT AS project,
  (task->>'inner_id')::BIGINT AS inner_id,
  json(task->'data') AS data,
  json(nullif(task->'meta', 'null'::JSON)) AS meta,
  NULL::BIGINT[] AS prediction_ids,
  (task->>'created_at')::TIMESTAMPTZ AS created_at,
  (task->>'updated_at')::TIMESTAMPTZ AS updated_at,
  try_cast(task->>'updated_by' AS BIGINT) AS updated_by
FROM (
  SELECT task_id, task FROM ls_told_tasks WHERE NOT is_deleted AND json_type(task->'data') = 'OBJECT'
    AND NOT EXISTS (SELECT 1 FROM ls_ended_tasks AS e WHERE e.task_id = ls_told_tasks.task_id AND e.seq > ls_told_tasks.seq)
  QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY (task->>'updated_at')::TIMESTAMPTZ DESC, seq DESC) = 1
);

CREATE TEMP TABLE ls_told AS
SELECT annotation_id, (a->>'task')::BIGINT AS task_id, (a->>'project')::BIGINT AS project, a FROM ls_told_annotations
WHERE NOT is_deleted AND json_type(a->'task') IN ('BIGINT', 'UBIGINT') AND json_type(a->'result') = 'ARRAY'
  AND NOT EXISTS (SELECT 1 FROM ls_ended_tasks AS e WHERE e.task_id = (a->>'task')::BIGINT AND e.seq > ls_told_annotations.seq)
QUALIFY row_number() OVER (PARTITION BY annotation_id ORDER BY (a->>'updated_at')::TIMESTAMPTZ DESC, seq DESC) = 1;

CREATE TEMP TABLE ls_covered (task_id BIGINT);
