-- space_branch(path, name, version => NULL, …)
-- kind: write
-- Starts a branch at a version; write to it with `branch => 'name'` or `SET VARIABLE space_branch = 'name'`.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_branch('points', 'dev');
CREATE OR REPLACE TEMP MACRO space_branch(
  path, name, version := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_branch', to_json({
  path: path::VARCHAR, name: name::VARCHAR, version: version::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
