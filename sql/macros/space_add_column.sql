-- space_add_column(path, definition, record_field => false, record_options => NULL, …)
-- kind: write
-- A new column at the end, NULL in the rows that are there.
-- Old versions keep their schema.
-- Arguments:
--   path: the dataset's folder.
--   definition: a name and a type, as in CREATE TABLE, without constraints and default.
--   record_field: whether the values, BLOB or VARCHAR, are kept as records in ArrayRecord files.
--   record_options: how they are written and decoded, as in `{group_size: 1, decode: 'image'}`.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: the name is taken or begins with `_space_`, or the type cannot be kept; a record field that is neither BLOB nor VARCHAR.
-- Example:
--   CALL space_add_column('points', 'note VARCHAR');
--   CALL space_add_column('points', 'picture BLOB', record_field => true);
CREATE OR REPLACE TEMP MACRO space_add_column(
  path, definition, record_field := false, record_options := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_add_column', to_json({
  path: path::VARCHAR, definition: definition::VARCHAR, record_field: record_field::BOOLEAN, field_options: record_options,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
