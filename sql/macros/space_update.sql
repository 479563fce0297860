-- space_update(path, assignments, predicate, …)
-- kind: write
-- New values for the rows where the predicate is true. Expressions may use the row's columns and subqueries, in
-- which the row is `row_`. Rows that stay as they are do not count; a key that would exist twice is an error.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_update('points', 'label = upper(label)', 'id = 2');
CREATE OR REPLACE TEMP MACRO space_update(
  path, assignments, predicate,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_update', to_json({
  path: path::VARCHAR, assignments: assignments::VARCHAR, predicate: predicate::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
