-- Regions of `ls_new_annotations`: one row for each item of a result and each of its labels. An item without a label
-- keeps one row. Rows are told apart by what stays when others go: the region's id and control, not the place.
CREATE TEMP TABLE ls_new_regions AS
WITH items AS (
  SELECT * EXCLUDE (result),
    unnest(from_json(result, '["JSON"]')) AS item,
    generate_subscripts(from_json(result, '["JSON"]'), 1) AS item_no
  FROM ls_new_annotations
), named AS (
  SELECT *,
    (item->>'type') AS kind,
    json(item->'value') AS value,
    -- A region's coordinates are percent; its start is a character's position, seconds, or a path in a page.
    (item->'value'->'start') AS start,
    (item->'value'->'end') AS stop,
    (item->'value'->'channel') IS NOT NULL OR (item->'original_length') IS NOT NULL
      OR json_type(item->'value'->'start') = 'DOUBLE' OR json_type(item->'value'->'end') = 'DOUBLE' AS timed,
    try_cast(item->>'original_width' AS BIGINT) AS image_width,
    try_cast(item->>'original_height' AS BIGINT) AS image_height
  FROM items
), labelled AS (
  SELECT *,
    CASE
      WHEN json_type(item->'labels') = 'ARRAY' THEN from_json(item->'labels', '["JSON"]')
      WHEN json_type(value->kind) = 'ARRAY' AND kind <> 'text' THEN from_json(value->kind, '["JSON"]')
      WHEN json_type(value->'labels') = 'ARRAY' THEN from_json(value->'labels', '["JSON"]')
      WHEN kind = 'pairwise' THEN [(value->'selected')]
      WHEN kind IS NULL AND json_type(value) = 'VARCHAR' THEN [value]
    END AS labels
  FROM named
), single AS (
  SELECT *,
    unnest(coalesce(nullif(labels, []), [NULL])) AS one,
    generate_subscripts(coalesce(nullif(labels, []), [NULL]), 1) AS label_no
  FROM labelled
)
SELECT
  annotation_id,
  coalesce(item->>'id', (item->>'from_id') || '->' || (item->>'to_id'), '') AS region_id,
  coalesce(item->>'from_name', '') AS from_name,
  row_number() OVER (
    PARTITION BY annotation_id, coalesce(item->>'id', (item->>'from_id') || '->' || (item->>'to_id'), ''), coalesce(item->>'from_name', '')
    ORDER BY item_no, label_no
  ) AS nth,
  task_id,
  project,
  kind,
  (item->>'to_name') AS to_name,
  (one->>'$') AS label,
  coalesce(try_cast(item->>'score' AS DOUBLE), try_cast(item->'meta'->>'score' AS DOUBLE)) AS score,
  try_cast(value->>'x' AS DOUBLE) AS x,
  try_cast(value->>'y' AS DOUBLE) AS y,
  try_cast(value->>'width' AS DOUBLE) AS width,
  try_cast(value->>'height' AS DOUBLE) AS height,
  try_cast(value->>'rotation' AS DOUBLE) AS rotation,
  image_width,
  image_height,
  try_cast(value->>'x' AS DOUBLE) * image_width / 100 AS px_x,
  try_cast(value->>'y' AS DOUBLE) * image_height / 100 AS px_y,
  try_cast(value->>'width' AS DOUBLE) * image_width / 100 AS px_width,
  try_cast(value->>'height' AS DOUBLE) * image_height / 100 AS px_height,
  CASE
    WHEN (value->'globalOffsets') IS NOT NULL THEN try_cast(value->'globalOffsets'->>'start' AS BIGINT)
    WHEN NOT timed AND json_type(start) IN ('BIGINT', 'UBIGINT') THEN (start->>'$')::BIGINT END AS span_start,
  CASE
    WHEN (value->'globalOffsets') IS NOT NULL THEN try_cast(value->'globalOffsets'->>'end' AS BIGINT)
    WHEN NOT timed AND json_type(stop) IN ('BIGINT', 'UBIGINT') THEN (stop->>'$')::BIGINT END AS span_end,
  CASE WHEN timed THEN try_cast(start->>'$' AS DOUBLE) END AS start_seconds,
  CASE WHEN timed THEN try_cast(stop->>'$' AS DOUBLE) END AS end_seconds,
  CASE json_type(value->'text')
    WHEN 'ARRAY' THEN array_to_string(from_json(value->'text', '["VARCHAR"]'), chr(10))
    WHEN 'VARCHAR' THEN (value->>'text')
    ELSE (value->>'datetime') END AS text,
  try_cast(coalesce(value->>'rating', (value->>'number')) AS DOUBLE) AS number,
  (item->>'from_id') AS from_region,
  (item->>'to_id') AS to_region,
  (item->>'direction') AS direction,
  (item->>'parentID') AS parent_region,
  (item->>'origin') AS origin,
  value,
  annotator,
  annotator_email,
  skipped,
  ground_truth,
  created_at,
  updated_at
FROM single;
