-- space_datasets(folder)
-- kind: read
-- Every dataset and materialized view below a folder.
-- Returns the columns of `space_info`, then `problem`: why a dataset cannot be read, else NULL.
-- Example:
--   SELECT path, row_count FROM space_datasets('.');
CREATE OR REPLACE TEMP MACRO space_datasets(folder) AS TABLE
SELECT * FROM query(_space_read('space_datasets', _space_session(), to_json({folder_path: folder::VARCHAR})::VARCHAR));
