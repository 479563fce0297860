-- space_branch(path, name, version => NULL, …)
-- kind: write
-- Starts a branch at a version; write to it with `branch => 'name'` or `SET VARIABLE space_branch = 'name'`.
-- Omitted, the version is the head of the session's branch. Nothing is copied: a branch is a name.
-- Arguments:
--   path: the dataset's folder.
--   name: as for `space_tag`.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   already-exists: a branch or tag has that name.
--   invalid-input: not a branch name.
--   not-found: no dataset at the path, or no such version.
-- Example:
--   CALL space_branch('points', 'dev');
--   CALL space_delete('points', 'id = 1', branch => 'dev');
CREATE OR REPLACE TEMP MACRO space_branch(
  path, name, version := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_branch', to_json({
  path: path::VARCHAR, name: name::VARCHAR, version: version::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
