-- space_refs(path)
-- kind: read
-- Branches and tags.
-- Returns `name, type, snapshot_id`; `type` is branch or tag.
-- Example:
--   FROM space_refs('annotations');
CREATE OR REPLACE TEMP MACRO space_refs(path) AS TABLE
SELECT * FROM query(_space_read('space_refs', _space_session(), to_json({path: path::VARCHAR})::VARCHAR));
