-- space_upsert(path, source, evolve => false, …)
-- kind: write
-- Replaces the rows whose key exists and adds the rest. Columns that the source lacks keep their stored value;
-- a row equal to the stored one is no change; a key that the source repeats, or a NULL key, is an error.
-- `source` is a query or table name and sees what your own SELECT would see; columns match by name.
-- `evolve => true` adds columns that the source has beyond the dataset's, and widens types without loss.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_upsert('points', 'FROM (VALUES (2, ''fox''), (3, ''owl'')) t(id, label)');
CREATE OR REPLACE TEMP MACRO space_upsert(
  path, source, evolve := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_upsert', to_json({
  path: path::VARCHAR, source: source::VARCHAR, evolve: evolve::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
