-- What `space-sql log` shows: the snapshots of a dataset, newest first.
SELECT
  snapshot_id AS id,
  strftime(snapshot_time, '%Y-%m-%d %H:%M') AS time,
  branch,
  operation,
  concat_ws(' ',
    CASE WHEN rows_inserted > 0 THEN '+' || rows_inserted END,
    CASE WHEN rows_updated > 0 THEN '~' || rows_updated END,
    CASE WHEN rows_deleted > 0 THEN '-' || rows_deleted END) AS rows,
  array_to_string(tags, ', ') AS tags,
  message
FROM space_snapshots($path)
ORDER BY snapshot_id DESC
LIMIT $most
