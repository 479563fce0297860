-- space_info(path)
-- kind: read
-- A dataset in one row.
-- Returns `path, kind, dataset_id, format_version, branch, snapshot_id, snapshot_time, row_count, column_count,
-- primary_keys, record_fields, data_files, deleted_rows, data_bytes, snapshots, branches, tags`.
-- Example:
--   SELECT row_count, data_files, tags FROM space_info('annotations');
CREATE OR REPLACE TEMP MACRO space_info(path) AS TABLE
SELECT * FROM query(_space_read('space_info', _space_session(), to_json({path: path::VARCHAR})::VARCHAR));
