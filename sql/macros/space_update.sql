-- space_update(path, assignments, predicate, …)
-- kind: write
-- New values for the rows where the predicate is true.
-- Expressions see the row as it was, so two columns can be exchanged; they may hold subqueries, in which the row is
-- `row_` (`row_.id`). Rows that stay as they are do not count.
-- Arguments:
--   path: the dataset's folder.
--   assignments: `column = expression`, separated by commas.
--   predicate: one expression; rows where it is NULL stay.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch. Or no such column.
--   invalid-input: text that is more than assignments and one expression, a value that does not fit, or a key that would be there twice or NULL.
--   conflict: someone else changed or deleted one of these rows meanwhile: run it again.
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
