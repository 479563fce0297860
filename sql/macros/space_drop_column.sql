-- space_drop_column(path, name, …)
-- kind: write
-- A column less. Old versions keep it; a column added later under the same name is a new one.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_drop_column('points', 'note');
CREATE OR REPLACE TEMP MACRO space_drop_column(
  path, name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_drop_column', to_json({
  path: path::VARCHAR, name: name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
