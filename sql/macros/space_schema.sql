-- space_schema(path, version => NULL)
-- kind: read
-- The columns of a version in their order.
-- Returns `column_name, column_type, primary_key, record_field, column_id`.
-- Example:
--   FROM space_schema('annotations', version => 'v1');
CREATE OR REPLACE TEMP MACRO space_schema(path, version := NULL) AS TABLE
SELECT * FROM query(_space_read('space_schema', _space_session(), to_json({path: path::VARCHAR, version: version::VARCHAR})::VARCHAR));
