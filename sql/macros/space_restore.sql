-- space_restore(path, version, …)
-- kind: write
-- A new snapshot whose content and schema equal an older version's.
-- The history stays, so a restore can be undone by restoring `main~1`.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`, also of another branch.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: no dataset at the path, or no such version or branch.
--   conflict: rows were committed since the statement began.
-- Example:
--   CALL space_restore('annotations', 'v1');
CREATE OR REPLACE TEMP MACRO space_restore(
  path, version,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_restore', to_json({
  path: path::VARCHAR, version: version::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
