-- space_delete(path, predicate, …)
-- kind: write
-- Deletes the rows where the predicate is true (not where it is NULL).
-- It may hold subqueries over whatever your own statement would see; in them the row is `row_`. Older versions keep the
-- rows.
-- Arguments:
--   path: the dataset's folder.
--   predicate: one expression, such as `id IN (SELECT id FROM bad)`; `true` is every row.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   invalid-input: text that is more than one expression.
--   conflict: someone else updated one of these rows meanwhile: run it again. Deletes of several writers unite.
-- Example:
--   CALL space_delete('points', 'label = ''cross'' OR id > 100');
CREATE OR REPLACE TEMP MACRO space_delete(
  path, predicate,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_delete', to_json({
  path: path::VARCHAR, predicate: predicate::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
