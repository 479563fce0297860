-- space_verify(path, deep => false)
-- kind: upkeep
-- Looks at everything that a reader relies on, on all branches and versions, and lists what is wrong; no row when all is sound.
-- It trusts nothing that is cached and changes nothing. Otherwise it looks at the log, its checkpoints, and whether
-- every file is there in its size; with `deep` it reads every byte too: page checksums, counts, statistics, positions, keys.
-- Arguments:
--   path: the dataset's folder.
--   deep: read every file that a readable version needs.
-- Returns one row for each finding:
--   severity VARCHAR: error (something is missing or wrong) or warning (slower, or unusual).
--   kind VARCHAR: log, checkpoint, missing-file, wrong-size, data-file, deletes-file, record-file, forget (not finished), rows or keys.
--   file VARCHAR: the path below the dataset's folder.
--   finding VARCHAR: what is wrong.
--   remedy VARCHAR: what to do.
-- Errors:
--   not-found: there is no dataset at the path.
--   format: space.json is damaged, or of a newer format.
-- Example:
--   SELECT count(*) AS findings FROM space_verify('annotations', deep => true);
CREATE OR REPLACE TEMP MACRO space_verify(path, deep := false) AS TABLE
FROM _space_report('space_verify', '[{"severity":"VARCHAR","kind":"VARCHAR","file":"VARCHAR","finding":"VARCHAR","remedy":"VARCHAR"}]', to_json({
  path: path::VARCHAR, deep: deep::BOOLEAN
})::VARCHAR);
