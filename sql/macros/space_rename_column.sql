-- space_rename_column(path, old_name, new_name, …)
-- kind: write
-- Another name for a column.
-- Old versions keep theirs, values stay where they are, and a key column stays part of the key.
-- Arguments:
--   path: the dataset's folder.
--   old_name: the column.
--   new_name: what it is called from here on.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch. Or no such column.
--   invalid-input: the new name is taken, empty or begins with `_space_`.
-- Example:
--   CALL space_rename_column('points', 'label', 'shape');
CREATE OR REPLACE TEMP MACRO space_rename_column(
  path, old_name, new_name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_rename_column', to_json({
  path: path::VARCHAR, old: old_name::VARCHAR, new: new_name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
