-- Tasks and annotations of a JSON_MIN export: `ls_source` has one JSON object an annotation, or a task without one.
-- The keys of the task's data come first, then "id", then the results by the name of their control, then "annotator".
CREATE TEMP TABLE ls_min AS
SELECT
  (task->>'id')::BIGINT AS task_id,
  (task->>'annotation_id')::BIGINT AS annotation_id,
  task,
  list_position(json_keys(task), 'id') AS id_at,
  list_position(json_keys(task), 'annotator') AS annotator_at
FROM ls_source;

CREATE TEMP TABLE ls_min_values AS
SELECT task_id, annotation_id, place, entry.key AS name, entry.value AS value,
  place < id_at AS is_data, place > id_at AND place < annotator_at AS is_result
FROM (
  SELECT task_id, annotation_id, id_at, annotator_at,
    unnest(map_entries(task::MAP(VARCHAR, JSON))) AS entry,
    generate_subscripts(json_keys(task), 1) AS place
  FROM ls_min
);

CREATE TEMP TABLE ls_new_tasks AS
SELECT
  task_id,
  getvariable('ls_project')::BIGINT AS project,
  NULL::BIGINT AS inner_id,
  coalesce(any_value(data), '{}')::JSON AS data,
  NULL::JSON AS meta,
  []::BIGINT[] AS prediction_ids,
  NULL::TIMESTAMPTZ AS created_at,
  NULL::TIMESTAMPTZ AS updated_at,
  NULL::BIGINT AS updated_by
FROM (SELECT DISTINCT task_id FROM ls_min) LEFT JOIN (
  SELECT task_id, annotation_id, '{' || string_agg(to_json(name) || ':' || coalesce(value::VARCHAR, 'null'), ',' ORDER BY place) || '}' AS data
  FROM ls_min_values WHERE is_data GROUP BY ALL
) USING (task_id)
GROUP BY task_id;

CREATE TEMP TABLE ls_new_annotations AS
SELECT
  annotation_id,
  task_id,
  getvariable('ls_project')::BIGINT AS project,
  NULL::VARCHAR AS unique_id,
  CASE json_type(task->'annotator') WHEN 'OBJECT' THEN (task->'annotator'->>'id') ELSE (task->>'annotator') END::BIGINT AS annotator,
  (task->'annotator'->>'email') AS annotator_email,
  false AS skipped,
  NULL::BOOLEAN AS ground_truth,
  NULL::BIGINT AS parent_prediction,
  NULL::BIGINT AS parent_annotation,
  (task->>'lead_time')::DOUBLE AS lead_time,
  (task->>'created_at')::TIMESTAMPTZ AS created_at,
  (task->>'updated_at')::TIMESTAMPTZ AS updated_at,
  NULL::BIGINT AS updated_by,
  coalesce(result, '[]')::JSON AS result
FROM ls_min LEFT JOIN (
  -- What the format took away of an item is its id, its type (told again by the key of its labels) and what it is in.
  SELECT annotation_id, '[' || string_agg(json_object(
    'from_name', name,
    'type', CASE
      WHEN json_type(item) <> 'OBJECT' THEN NULL
      WHEN len(list_filter(json_keys(item), lambda k: json_type(json_extract(item, k)) = 'ARRAY' AND k <> 'points')) > 0
      THEN list_filter(json_keys(item), lambda k: json_type(json_extract(item, k)) = 'ARRAY' AND k <> 'points')[1]
      WHEN (item->'rating') IS NOT NULL THEN 'rating' WHEN (item->'number') IS NOT NULL THEN 'number' END,
    'original_width', (item->'original_width'),
    'original_height', (item->'original_height'),
    'value', CASE WHEN json_type(item) = 'OBJECT' THEN json_merge_patch(item, '{"original_width":null,"original_height":null}') ELSE item END
  )::VARCHAR, ',' ORDER BY place, n) || ']' AS result
  FROM (
    SELECT annotation_id, place, name,
      unnest(CASE json_type(value) WHEN 'ARRAY' THEN from_json(value, '["JSON"]') ELSE [value] END) AS item,
      generate_subscripts(CASE json_type(value) WHEN 'ARRAY' THEN from_json(value, '["JSON"]') ELSE [value] END, 1) AS n
    FROM ls_min_values WHERE is_result AND annotation_id IS NOT NULL
  )
  GROUP BY annotation_id
) USING (annotation_id)
WHERE annotation_id IS NOT NULL;

CREATE TEMP TABLE ls_covered AS SELECT task_id FROM ls_new_tasks;

INSERT INTO ls_present SELECT task_id FROM ls_new_tasks;
