-- space_files(path, version => NULL)
-- kind: read
-- The data files of a version, with the statistics that let writes skip files.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row a file:
--   file VARCHAR: its path below the dataset's folder: a plain Parquet file.
--   row_count BIGINT: rows in the file, deleted ones included.
--   deleted_count BIGINT: how many of them are deleted in that version.
--   file_size_bytes BIGINT: its size.
--   snapshot_id BIGINT: the commit that wrote it.
--   statistics JSON: for each column `min`, `max` and `nulls` of its stored values, where known.
--   record_files STRUCT(file VARCHAR, row_count BIGINT, used_count BIGINT, file_size_bytes BIGINT)[]: the record files that its rows point into, and how many of its rows do.
-- Errors:
--   not-found: no dataset at the path, or no such version.
-- Example:
--   SELECT row_count, deleted_count, snapshot_id, statistics->'id' AS id FROM space_files('annotations') ORDER BY snapshot_id;
CREATE OR REPLACE TEMP MACRO space_files(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_files', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
