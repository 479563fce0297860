-- space_delete(path, predicate, …)
-- kind: write
-- Deletes the rows where the predicate is true (not where it is NULL). One expression; it may hold subqueries, in
-- which the row is `row_`.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_delete('points', 'id IN (2, 3)');
CREATE OR REPLACE TEMP MACRO space_delete(
  path, predicate,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_delete', to_json({
  path: path::VARCHAR, predicate: predicate::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
