-- space_drop_tag(path, name, …)
-- kind: write
-- Forgets a tag; its snapshot stays in the history.
-- The name may be used again.
-- Arguments:
--   path: the dataset's folder.
--   name: the tag.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: no dataset at the path, or no such tag.
-- Example:
--   CALL space_drop_tag('annotations', 'v1');
CREATE OR REPLACE TEMP MACRO space_drop_tag(
  path, name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_drop_tag', to_json({
  path: path::VARCHAR, name: name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
