-- space_add_check(path, name, predicate => NULL, unique_key => false, …)
-- kind: write
-- A check that rows must fulfil: a commit whose new or changed rows break one fails whole, and names them.
-- A row breaks a check when the predicate is false; NULL passes, as in SQL. Only the rows that a commit brings are looked
-- at, whatever brings them; those that are there are looked at once, now. Checks belong to the branch, and new branches
-- take them along; a restore keeps those that stand.
-- Arguments:
--   path: the dataset's folder.
--   name: a name for it.
--   predicate: one expression over a row's columns, such as `score BETWEEN 0 AND 1`, without subqueries, aggregates or anything that changes by itself.
--   unique_key: in place of a predicate: no two rows may have one primary key. (`space_append` trusts its source otherwise.)
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: there is no dataset at the path, or no such branch.
--   already-exists: there is a check of that name.
--   invalid-input: rows that are there break it, or it is not one such expression.
-- Example:
--   CALL space_add_check('annotations', 'sound score', 'score BETWEEN 0 AND 1');
CREATE OR REPLACE TEMP MACRO space_add_check(
  path, name, predicate := NULL, unique_key := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_add_check', to_json({
  path: path::VARCHAR, name: name::VARCHAR, predicate: predicate::VARCHAR, unique_key: unique_key::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
