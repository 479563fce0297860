-- space_drop_branch(path, name, …)
-- kind: write
-- Forgets a branch; its snapshots stay in the history, and can be read by their ids.
-- The name may be used again.
-- Arguments:
--   path: the dataset's folder.
--   name: the branch; `main` cannot be dropped.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: no dataset at the path, or no such branch.
--   invalid-input: the branch is `main`.
-- Example:
--   CALL space_branch('points', 'dev');
--   CALL space_drop_branch('points', 'dev');
CREATE OR REPLACE TEMP MACRO space_drop_branch(
  path, name,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_drop_branch', to_json({
  path: path::VARCHAR, name: name::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
