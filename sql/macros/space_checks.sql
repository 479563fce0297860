-- space_checks(path, version => NULL)
-- kind: read
-- The checks of a version, in the order in which they were added.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row a check:
--   name VARCHAR: its name.
--   predicate VARCHAR: what rows must fulfil; NULL for a check of the key.
--   unique_key BOOLEAN: whether it is that no two rows have one primary key.
-- Errors:
--   not-found: no dataset at the path, or no such version.
-- Example:
--   CALL space_add_check('annotations', 'sound score', 'score BETWEEN 0 AND 1');
--   FROM space_checks('annotations');
CREATE OR REPLACE TEMP MACRO space_checks(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_checks', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
