-- space_refs(path)
-- kind: read
-- Branches and tags, and the snapshots that they point at.
-- Arguments:
--   path: the dataset's folder.
-- Returns one row a ref, branches first, by name:
--   name VARCHAR: the branch or tag.
--   type VARCHAR: branch or tag.
--   snapshot_id BIGINT: the snapshot; a branch moves with each write to it, a tag never.
-- Errors:
--   not-found: there is no dataset at the path.
-- Example:
--   FROM space_refs('annotations');
CREATE OR REPLACE TEMP MACRO space_refs(path) AS TABLE
SELECT * FROM query(_space_read('space_refs', _space_session(), to_json({path: path::VARCHAR})::VARCHAR));
