-- space_rename_column(path, old_name, new_name, …)
-- kind: write
-- Another name for a column. Old versions keep theirs.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_rename_column('points', 'label', 'class');
CREATE OR REPLACE TEMP MACRO space_rename_column(
  path, old_name, new_name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_rename_column', to_json({
  path: path::VARCHAR, old: old_name::VARCHAR, new: new_name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
