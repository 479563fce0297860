-- Rows that are to become predictions: `ls_rows` has JSON columns, NULL where the caller gave none, and `ls_controls` what
-- the labelling configuration knows. Rows of one region are one item with all their labels.
CREATE TEMP TABLE ls_given AS
SELECT
  row_number() OVER () AS row_no,
  (task_id->>'$')::BIGINT AS task_id,
  (key->>'$') AS key,
  data,
  CASE json_type(result) WHEN 'VARCHAR' THEN (result->>'$')::JSON ELSE result END AS result,
  coalesce(from_name->>'$', (SELECT any_value(name) FROM ls_controls HAVING count(*) = 1)) AS from_name,
  (to_name->>'$') AS to_name,
  (kind->>'$') AS kind,
  nullif(region_id->>'$', '') AS region_id,
  CASE json_type(label) WHEN 'ARRAY' THEN from_json(label, '["VARCHAR"]') WHEN 'NULL' THEN [] ELSE [(label->>'$')] END AS labels,
  (score->>'$')::DOUBLE AS score,
  (image_width->>'$')::BIGINT AS image_width,
  (image_height->>'$')::BIGINT AS image_height,
  CASE json_type(value) WHEN 'VARCHAR' THEN (value->>'$')::JSON WHEN 'NULL' THEN NULL ELSE value END AS value,
  json_merge_patch('{}', json_object(
    'x', x, 'y', y, 'width', width, 'height', height, 'rotation', rotation,
    'start', coalesce(nullif(span_start, 'null'::JSON), start_seconds), 'end', coalesce(nullif(span_end, 'null'::JSON), end_seconds)
  )) AS place,
  text,
  number
FROM ls_rows;

CREATE TEMP TABLE ls_items AS
SELECT task_id, key, row_no, item_no, item, labels, score,
  (item->>'from_name') AS from_name, (item->>'to_name') AS to_name, (item->>'type') AS kind
FROM (
  SELECT task_id, key, row_no, item_no, item, score,
    coalesce(try_cast((item->'value'->(item->>'type')) AS VARCHAR[]), []) AS labels
  FROM (
    SELECT task_id, key, row_no, score, unnest(from_json(result, '["JSON"]')) AS item,
      generate_subscripts(from_json(result, '["JSON"]'), 1) AS item_no
    FROM ls_given WHERE result IS NOT NULL AND json_type(result) = 'ARRAY'
  )
)
UNION ALL
SELECT task_id, key, row_no, 1 AS item_no,
  json_merge_patch('{}', json_object(
    'id', coalesce(region_id, left(md5(concat_ws('|', coalesce(task_id::VARCHAR, key), from_name, kind, place, text, number, value, labels)), 10)),
    'from_name', from_name, 'to_name', to_name, 'type', kind,
    'original_width', image_width, 'original_height', image_height, 'score', score,
    'value', json_merge_patch(coalesce(value, '{}'), place, json_merge_patch('{}', CASE
      WHEN len(labels) > 0 THEN json_object(coalesce(kind, ''), labels)
      WHEN kind = 'rating' THEN json_object('rating', number)
      WHEN kind = 'number' THEN json_object('number', number)
      WHEN kind = 'textarea' THEN json_object('text', CASE json_type(text) WHEN 'VARCHAR' THEN [text] END)
      ELSE '{}' END), CASE WHEN kind <> 'textarea' AND json_type(text) = 'VARCHAR' THEN json_object('text', text) ELSE '{}' END)
  )) AS item,
  labels, score, from_name, to_name, kind
FROM (
  SELECT task_id, key, from_name, min(row_no) AS row_no, any_value(region_id) AS region_id,
    coalesce(any_value(g.to_name), any_value(c.to_names[1])) AS to_name,
    coalesce(any_value(g.kind), any_value(lower(c.type))) AS kind,
    list_filter(flatten(list(g.labels ORDER BY row_no)), lambda l: l IS NOT NULL) AS labels,
    max(score) AS score, any_value(image_width) AS image_width, any_value(image_height) AS image_height,
    any_value(value) AS value, any_value(place) AS place, any_value(text) AS text, any_value(number) AS number
  FROM ls_given AS g LEFT JOIN ls_controls AS c ON c.name = g.from_name
  WHERE result IS NULL AND from_name IS NOT NULL
  -- Choices of one control are one answer; a region without an id is one of its own.
  GROUP BY task_id, key, from_name, coalesce(g.region_id, CASE WHEN lower(c.type) = 'choices' THEN '' ELSE 'row ' || row_no END)
);

CREATE TEMP TABLE ls_problems AS
SELECT i.row_no, CASE
  WHEN i.from_name IS NULL THEN 'an item has no from_name: the project has several controls'
  WHEN c.name IS NULL THEN 'the project has no control "' || i.from_name || '"; it has ' || (SELECT string_agg('"' || name || '"', ', ' ORDER BY name) FROM ls_controls)
  WHEN i.kind IS NULL OR lower(c.type) <> lower(i.kind) AND NOT (c.type LIKE '%Labels' AND lower(c.type) LIKE lower(i.kind) || '%')
    THEN '"' || i.from_name || '" takes ' || lower(c.type) || ', not ' || coalesce(i.kind, 'nothing')
  WHEN NOT list_contains(c.to_names, i.to_name) THEN '"' || i.from_name || '" is about "' || c.to_names[1] || '", not "' || coalesce(i.to_name, '') || '"'
  WHEN len(c.labels) > 0 AND len(list_filter(i.labels, lambda l: NOT list_contains(c.labels, l))) > 0
    THEN '"' || i.from_name || '" has no label "' || list_filter(i.labels, lambda l: NOT list_contains(c.labels, l))[1] || '"; it has ' || array_to_string(c.labels, ', ')
  WHEN len(c.labels) > 0 AND len(i.labels) = 0 AND lower(c.type) IN ('choices', 'labels') THEN '"' || i.from_name || '" needs a label'
  END AS problem
FROM ls_items AS i LEFT JOIN ls_controls AS c ON c.name = i.from_name
WHERE problem IS NOT NULL
UNION ALL
SELECT row_no, 'a row names its task by task_id or by key' FROM ls_given WHERE (task_id IS NULL) = (key IS NULL)
UNION ALL
SELECT min(row_no), 'the rows of key "' || key || '" have different data' FROM ls_given
WHERE key IS NOT NULL GROUP BY key HAVING count(DISTINCT json(data)) > 1
UNION ALL
SELECT row_no, 'result is no array of items' FROM ls_given
WHERE result IS NOT NULL AND json_type(result) NOT IN ('ARRAY', 'NULL');

CREATE TEMP TABLE ls_wanted AS
SELECT g.task_id, g.key, any_value(g.data) AS data, any_value(p.score) AS score, any_value(p.result) AS result
FROM ls_given AS g LEFT JOIN (
  SELECT task_id, key, avg(score) AS score, '[' || string_agg(json(item)::VARCHAR, ',' ORDER BY row_no, item_no) || ']' AS result
  FROM ls_items GROUP BY task_id, key
) AS p ON p.task_id IS NOT DISTINCT FROM g.task_id AND p.key IS NOT DISTINCT FROM g.key
GROUP BY g.task_id, g.key
ORDER BY g.task_id, g.key;
