-- space_files(path, version => NULL)
-- kind: read
-- The data files of a version, with the statistics that let writes skip files.
-- Returns `file, row_count, deleted_count, file_size_bytes, snapshot_id, statistics`; `statistics` is JSON,
-- column name to `min`, `max` and `nulls`.
-- Example:
--   SELECT file, row_count, deleted_count FROM space_files('annotations');
CREATE OR REPLACE TEMP MACRO space_files(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_files', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
