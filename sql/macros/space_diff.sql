-- space_diff(path, from_version, to_version)
-- kind: read
-- The net difference of any two versions by primary key, also across branches.
-- Rows are compared as the newer version defines their columns; a column that a version lacks is NULL there.
-- Returns `diff_type` (added, modified, removed), then `from_<column>` for every column of either version,
-- then `to_<column>`.
-- Example:
--   SELECT diff_type, count(*) FROM space_diff('annotations', 'v1', 'main') GROUP BY ALL;
CREATE OR REPLACE TEMP MACRO space_diff(path, from_version, to_version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_diff', _space_session(), to_json({path: path::VARCHAR, from_version: from_version::VARCHAR, to_version: to_version::VARCHAR})::VARCHAR));
