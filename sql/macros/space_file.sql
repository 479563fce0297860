-- space_file(path)
-- kind: value
-- A file as the value of a record field: the write reads it when the row arrives, one file at a time.
-- It stands in the source of a write, in place of a BLOB or VARCHAR. That is the way for large records, of which a BLOB column
-- would hold thousands in memory at once. Only the statement's own process can make one: a table or file that holds such
-- values from elsewhere is refused, so no data can name files to be read.
-- Arguments:
--   path: a file of at most 256 MiB, relative to the process's folder or absolute; NULL gives NULL.
-- Returns a value that only record fields take.
-- Errors:
--   not-found: the file is missing.
--   invalid-input: it is no plain file, is too large, is not UTF-8 for a VARCHAR field, or the column is no record field.
-- Example:
--   COPY (SELECT 'hello' AS text) TO 'note.txt' (FORMAT csv, HEADER false);
--   CALL space_upsert('scans', 'SELECT 3 AS id, space_file(''note.txt'') AS image');
CREATE OR REPLACE TEMP MACRO space_file(path) AS
CASE WHEN path IS NOT NULL THEN struct_pack(_space_path := path::VARCHAR, _space_token := _space_token()) END;
