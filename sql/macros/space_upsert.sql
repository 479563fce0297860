-- space_upsert(path, source, evolve => false, …)
-- kind: write
-- Replaces the rows whose key exists and adds the rest.
-- Columns that the source lacks keep their stored value (new rows get NULL there); a row equal to the stored one is no
-- change. Where `space_append` left a key twice, all rows of it are replaced by the one that comes. Keys that others
-- commit meanwhile count as existing, so it never conflicts on rows.
-- Arguments:
--   path: the dataset's folder.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   evolve: add the columns that the source has beyond the dataset's, and widen types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: a key that the source repeats, is NULL or is missing; a column, value or type that does not fit.
--   conflict: `expected_snapshot` is no longer the head, or another commit changed the same column.
-- Example:
--   CALL space_upsert('points', 'FROM (VALUES (3, ''ring''), (4, ''dot'')) t(id, label)');
CREATE OR REPLACE TEMP MACRO space_upsert(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_upsert', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
