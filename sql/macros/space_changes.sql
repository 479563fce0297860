-- space_changes(path, from_version, to_version => NULL)
-- kind: read
-- The change feed: what each snapshot after `from_version`, up to and with `to_version`, did to rows.
-- Rows are whole, also for deletes, and have the columns of `to_version`: what was renamed, dropped, added or widened
-- meanwhile appears as it is there. A consumer that keeps the last `snapshot_id` that it saw misses nothing and sees
-- nothing twice.
-- Arguments:
--   path: the dataset's folder.
--   from_version: the version whose changes you have seen; it must be an ancestor of `to_version`.
--   to_version: the last version to look at; omitted, the head of the session's branch.
-- Returns two columns, then the columns of `to_version`:
--   snapshot_id BIGINT: the commit.
--   change_type VARCHAR: insert, update_preimage (the row before), update_postimage (the row after), or delete.
-- Errors:
--   not-found: no dataset at the path, or no such version.
--   invalid-input: `from_version` is NULL, or not an ancestor of `to_version`: `space_diff` compares any two versions.
-- Example:
--   FROM space_changes('annotations', 'v1') ORDER BY snapshot_id, change_type DESC;
CREATE OR REPLACE TEMP MACRO space_changes(path, from_version, to_version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_changes', _space_session(), to_json({path: path::VARCHAR, from_version: from_version::VARCHAR, to_version: to_version::VARCHAR})::VARCHAR));
