-- space_insert(path, source, evolve => false, …)
-- kind: write
-- Rows in, all or none: a key that exists or repeats, or is NULL, is an error.
-- Columns match by name, ignoring case; one that the source lacks is NULL.
-- Arguments:
--   path: the dataset's folder.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   evolve: add the columns that the source has beyond the dataset's, and widen types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: a key that exists, repeats, is NULL or is missing in the source; a column, value or type that does not fit.
--   conflict: a key was committed by someone else meanwhile, or `expected_snapshot` is no longer the head.
-- Example:
--   CALL space_insert('points', 'SELECT 4 AS id, ''dot'' AS label');
CREATE OR REPLACE TEMP MACRO space_insert(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_insert', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
