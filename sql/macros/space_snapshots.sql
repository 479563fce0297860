-- space_snapshots(path)
-- kind: read
-- The history of a dataset, newest first: every commit on every branch, tags and branches included.
-- Returns `snapshot_id, snapshot_time, parent_id, merge_parent_id, branch, operation, rows_inserted,
-- rows_updated, rows_deleted, author, message, tags`.
-- Example:
--   SELECT snapshot_id, operation, message, tags FROM space_snapshots('annotations');
CREATE OR REPLACE TEMP MACRO space_snapshots(path) AS TABLE
SELECT * FROM query(_space_read('space_snapshots', _space_session(), to_json({path: path::VARCHAR})::VARCHAR));
