-- space_append(path, source, evolve => false, …)
-- kind: write
-- Rows in, keys unchecked.
-- It never conflicts with other writers. Columns match by name, ignoring case; one that the source lacks is NULL.
-- Arguments:
--   path: the dataset's folder.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   evolve: add the columns that the source has beyond the dataset's, and widen types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: a column that the dataset has not (unless `evolve`), a value or type that does not fit, or a source that is not one query.
--   conflict: `expected_snapshot` is no longer the head, or another commit changed the same column.
-- Example:
--   CALL space_append('points', 'SELECT 4 AS id, ''dot'' AS label');
--   CALL space_append('points', 'SELECT 5 AS id, ''dash'' AS label, 0.5 AS x', evolve => true, message => 'with coordinates');
CREATE OR REPLACE TEMP MACRO space_append(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_append', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
