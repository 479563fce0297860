-- space_tag(path, name, version => NULL, …)
-- kind: write
-- Gives a version a name that never moves; omitted: the head of the session's branch.
-- Arguments:
--   path: the dataset's folder.
--   name: letters, digits and `_ . / -`, beginning with a letter or `_`, without `..`, `//` or a trailing `/`.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   already-exists: a tag or branch has that name.
--   invalid-input: not a tag name.
--   not-found: no dataset at the path, or no such version.
-- Example:
--   CALL space_tag('points', 'reviewed', message => 'checked by two people');
--   CALL space_tag('points', 'empty', version => 'main~1');
CREATE OR REPLACE TEMP MACRO space_tag(
  path, name, version := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_change('space_tag', to_json({
  path: path::VARCHAR, name: name::VARCHAR, version: version::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
