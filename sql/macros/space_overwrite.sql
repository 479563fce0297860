-- space_overwrite(path, source, evolve => false, …)
-- kind: write
-- New content, same history: the rows of the source in place of all rows.
-- Columns match by name, ignoring case; one that the source lacks is NULL. The dataset's columns stay.
-- Arguments:
--   path: the dataset's folder.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   evolve: add the columns that the source has beyond the dataset's, and widen types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: a column, value or type that does not fit.
--   conflict: rows were committed since the statement began, which it would throw away unseen: run it again.
-- Example:
--   CALL space_overwrite('points', 'SELECT 9 AS id, ''arrow'' AS label');
CREATE OR REPLACE TEMP MACRO space_overwrite(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_overwrite', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
