-- space_repair(path, dry_run => false)
-- kind: upkeep
-- Writes checkpoints anew that are missing or damaged, and removes what killed writers left behind more than an hour ago.
-- It never guesses at data: what only a copy can mend is listed as left.
-- Arguments:
--   path: the dataset's folder.
--   dry_run: only list what would be done.
-- Returns one row for each file:
--   action VARCHAR: rewritten, removed, finished (a space_forget that was interrupted), or left as it is.
--   file VARCHAR: the path below the dataset's folder.
--   reason VARCHAR: why.
-- Errors:
--   not-found: there is no dataset at the path.
--   format: space.json is damaged, or of a newer format.
-- Example:
--   SELECT count(*) AS actions FROM space_repair('annotations');
CREATE OR REPLACE TEMP MACRO space_repair(path, dry_run := false) AS TABLE
FROM _space_report('space_repair', '[{"action":"VARCHAR","file":"VARCHAR","reason":"VARCHAR"}]', to_json({
  path: path::VARCHAR, dry_run: dry_run::BOOLEAN
})::VARCHAR);
