-- space_scan(path, version => NULL, as_of => NULL)
-- kind: read
-- The rows of a dataset.
-- `version` is a snapshot id, tag, branch or `branch~N`; omitted: the head of the session's branch
-- (`SET VARIABLE space_branch = 'dev'`), else of main. `as_of` reads the newest snapshot at or before a time.
-- Returns the dataset's columns as that version defines them.
-- Example:
--   FROM space_scan('annotations', version => 'v1') WHERE id < 10;
CREATE OR REPLACE TEMP MACRO space_scan(path, version := NULL, as_of := NULL) AS TABLE
SELECT * FROM query(_space_read('space_scan', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR, as_of: coalesce(
    epoch_us(as_of::TIMESTAMPTZ),
    CASE as_of::TIMESTAMPTZ WHEN 'infinity' THEN 9223372036854775807 WHEN '-infinity' THEN -9223372036854775808 END
  )})::VARCHAR));
