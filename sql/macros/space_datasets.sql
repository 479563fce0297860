-- space_datasets(folder)
-- kind: read
-- Every dataset and materialized view below a folder, at any depth, as its branch `main` has it.
-- Arguments:
--   folder: where to look.
-- Returns the columns of `space_info`, in path order, then:
--   problem VARCHAR: why the dataset cannot be read; then the other columns but `path` are NULL.
-- Errors:
--   not-found: there is no such folder.
-- Example:
--   SELECT parse_filename(path) AS name, row_count, problem FROM space_datasets('.');
CREATE OR REPLACE TEMP MACRO space_datasets(folder) AS TABLE
SELECT * FROM query(_space_read('space_datasets', _space_session(), to_json({folder_path: folder::VARCHAR})::VARCHAR));
