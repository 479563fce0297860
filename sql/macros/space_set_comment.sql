-- space_set_comment(path, comment, column_name => NULL, …)
-- kind: write
-- Says in words what a dataset is, or one of its columns; NULL takes the words away.
-- `space_info` and `space_datasets` show them, and `space_schema` those of columns.
-- Arguments:
--   path: the dataset's folder.
--   comment: any text.
--   column_name: the column that is meant; omitted, the dataset.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, no such branch, or no such column.
-- Example:
--   CALL space_set_comment('points', 'what it looks like', column_name => 'label');
CREATE OR REPLACE TEMP MACRO space_set_comment(
  path, comment, column_name := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_set_comment', to_json({
  path: path::VARCHAR, comment: comment::VARCHAR, column_name: column_name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
