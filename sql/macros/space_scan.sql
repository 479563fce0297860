-- space_scan(path, version => NULL, as_of => NULL, records => NULL)
-- kind: read
-- The rows of a dataset, as any version has them.
-- They are a table like any other: filters, projections and joins reach into the files, and only what a query
-- needs is read. Row order is not promised.
-- A folder whose own name holds an `@` is a path like any other.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
--   as_of: a TIMESTAMPTZ; the version is what the session's branch showed at that time.
--   records: what record fields show: 'value', read for the rows and columns that a query keeps, or 'address', a STRUCT(file, row, bytes, hash).
-- Returns the dataset's columns, with the names and types that they have in that version.
-- Errors:
--   not-found: no dataset at the path, no such version, `as_of` before the first snapshot, or before the branch was made.
--   invalid-input: both `version` and `as_of`, or an `as_of` in the future; `records` other than those two.
--   format: the dataset is damaged, or of a newer format; a record file is damaged or missing.
-- Example:
--   FROM space_scan('annotations', version => 'v1') WHERE score > 0.5 ORDER BY id;
CREATE OR REPLACE TEMP MACRO space_scan(path, version := NULL, as_of := NULL, records := NULL) AS TABLE
SELECT * FROM query(_space_read('space_scan', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR, as_of: coalesce(
    epoch_us(as_of::TIMESTAMPTZ),
    CASE as_of::TIMESTAMPTZ WHEN 'infinity' THEN 9223372036854775807 WHEN '-infinity' THEN -9223372036854775808 END
  ), records: records::VARCHAR})::VARCHAR));
