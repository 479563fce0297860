-- space_blame(path, version => NULL)
-- kind: read
-- For each row the commit that wrote it as it is: who wrote it last, when and why.
-- Compaction changes nothing of it. Rows that a merge took over with the files of a branch show the commit of that
-- branch; those that it wrote itself show the merge.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row a row: four columns, then those of the primary key:
--   snapshot_id BIGINT: the commit.
--   snapshot_time TIMESTAMP WITH TIME ZONE: when it was.
--   author VARCHAR: as given by the writer.
--   message VARCHAR: as given by the writer.
-- Errors:
--   not-found: no dataset at the path, or no such version.
-- Example:
--   SELECT id, snapshot_id, message FROM space_blame('annotations') ORDER BY id;
CREATE OR REPLACE TEMP MACRO space_blame(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_blame', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
