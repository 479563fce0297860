-- space_schema(path, version => NULL)
-- kind: read
-- The columns of a version in their order.
-- Arguments:
--   path: the dataset's folder.
--   version: a snapshot id, tag, branch or `branch~N`; omitted, the head of the session's branch.
-- Returns one row a column:
--   column_name VARCHAR: its name in that version.
--   column_type VARCHAR: its type, as DuckDB spells it.
--   primary_key BOOLEAN: whether it is part of the key.
--   record_field BOOLEAN: whether its values are kept as records.
--   column_id BIGINT: its identity: renames and wider types keep it, a column added again under an old name has a new one.
--   comment VARCHAR: what `space_set_comment` said of it.
-- Errors:
--   not-found: no dataset at the path, or no such version.
-- Example:
--   FROM space_schema('points');
CREATE OR REPLACE TEMP MACRO space_schema(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_schema', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
