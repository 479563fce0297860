-- space_changes(path, from_version, to_version)
-- kind: read
-- The change feed: what each snapshot after `from_version`, up to and with `to_version`, did to rows.
-- `from_version` must be an ancestor of `to_version`. Rows are whole, also for deletes.
-- Returns `snapshot_id, change_type`, then the columns of `to_version`; `change_type` is insert,
-- update_preimage, update_postimage or delete.
-- Example:
--   FROM space_changes('annotations', 'v1', 'main') ORDER BY snapshot_id, id;
CREATE OR REPLACE TEMP MACRO space_changes(path, from_version, to_version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_changes', _space_session(), to_json({path: path::VARCHAR, from_version: from_version::VARCHAR, to_version: to_version::VARCHAR})::VARCHAR));
