-- space_drop_check(path, name, …)
-- kind: write
-- Drops a check: rows no longer need to fulfil it.
-- Arguments:
--   path: the dataset's folder.
--   name: the check.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, no such branch, or no such check.
-- Example:
--   CALL space_add_check('annotations', 'named', 'label <> ''''');
--   CALL space_drop_check('annotations', 'named');
CREATE OR REPLACE TEMP MACRO space_drop_check(
  path, name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_drop_check', to_json({
  path: path::VARCHAR, name: name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
