-- space_drop_column(path, name, …)
-- kind: write
-- A column less.
-- Old versions keep it; a column added later under the same name is a new one, without the old values.
-- Arguments:
--   path: the dataset's folder.
--   name: the column; columns of the primary key stay.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch. Or no such column.
--   invalid-input: the column is part of the primary key.
-- Example:
--   CALL space_drop_column('annotations', 'score');
CREATE OR REPLACE TEMP MACRO space_drop_column(
  path, name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_drop_column', to_json({
  path: path::VARCHAR, name: name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
