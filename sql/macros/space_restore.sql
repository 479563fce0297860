-- space_restore(path, version, …)
-- kind: write
-- A new snapshot whose content and schema equal an older version's. A conflict when rows changed meanwhile.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
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
