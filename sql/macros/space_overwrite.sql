-- space_overwrite(path, source, evolve => false, …)
-- kind: write
-- New content, same history. A conflict when rows changed since the statement began.
-- `source` is a query or table name and sees what your own SELECT would see; columns match by name, a missing one is NULL.
-- `evolve => true` adds columns that the source has beyond the dataset's, and widens types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_overwrite('points', 'SELECT 9 AS id, ''bee'' AS label');
CREATE OR REPLACE TEMP MACRO space_overwrite(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_overwrite', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
