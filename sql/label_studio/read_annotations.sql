-- Annotations as Label Studio writes them, in exports and in webhooks: `ls_told(annotation_id, task_id, project, a)`.
CREATE TEMP TABLE ls_new_annotations AS
SELECT
  annotation_id,
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
FROM ls_told;
