-- A versioned dataset in ten statements, on a real export of Label Studio.
-- `space-sql quickstart` runs them one by one, `space-sql sql -f` at one go.

-- 1. Start from the export as it came: JSON, one object a task, annotations
--    nested inside. The dataset is a folder of open files.
CALL space_create('space-quickstart/boxes',
  source => 'FROM read_json(''space-quickstart/v1.json'')',
  primary_keys => ['id'],
  message => 'first export');

-- 2. A tag gives this version a name for ever.
CALL space_tag('space-quickstart/boxes', 'v1');

-- 3. People went on labelling. The second export replaces the tasks that
--    changed and adds the new ones; evolve lets in new columns and wider types.
CALL space_upsert('space-quickstart/boxes',
  'FROM read_json(''space-quickstart/v2.json'')',
  evolve => true,
  message => 'second export');

-- 4. Tasks that are gone from the export are deleted, and stay readable in v1.
CALL space_delete('space-quickstart/boxes',
  'id NOT IN (SELECT id FROM read_json(''space-quickstart/v2.json''))',
  message => 'gone from the export');

-- 5. Name the result too.
CALL space_tag('space-quickstart/boxes', 'v2');

-- 6. The history: every change is a snapshot.
SELECT snapshot_id, operation, rows_inserted AS inserted,
  rows_updated AS updated, rows_deleted AS deleted, tags, message
FROM space_snapshots('space-quickstart/boxes');

-- 7. What changed between the two exports?
SELECT diff_type, count(*) AS tasks
FROM space_diff('space-quickstart/boxes', 'v1', 'v2')
GROUP BY diff_type
ORDER BY diff_type;

-- 8. Which tasks gained or lost an annotation? A difference holds the values
--    before and after.
SELECT to_id AS id,
  len(from_annotations) AS before, len(to_annotations) AS after
FROM space_diff('space-quickstart/boxes', 'v1', 'v2')
WHERE diff_type = 'modified' AND before <> after
ORDER BY id;

-- 9. Travel in time: the deleted tasks, read from the version that had them.
SELECT id, data.image, len(annotations) AS annotations
FROM space_scan('space-quickstart/boxes', version => 'v1')
WHERE id NOT IN (SELECT id FROM space_scan('space-quickstart/boxes'))
ORDER BY id;

-- 10. How are the labels spread? Nested annotations unnest in SQL, bar() draws.
SELECT label, count(*) AS boxes, bar(boxes, 0, 40, 40) AS histogram
FROM space_scan('space-quickstart/boxes', version => 'v2'),
  unnest(annotations) AS a(annotation),
  unnest(annotation.result) AS r(region),
  unnest(region.value.rectanglelabels) AS l(label)
GROUP BY label
ORDER BY boxes DESC, label;
