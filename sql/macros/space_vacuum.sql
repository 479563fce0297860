-- space_vacuum(path, older_than => INTERVAL '7 days', dry_run => false)
-- kind: upkeep
-- Removes the files that no snapshot needs: those of snapshots that `space_expire` forgot, and what killed writers left behind.
-- It never removes what a readable version needs. The grace period protects statements that still read an expired
-- version; what was never published is kept for an hour at least, since a writer may be about to publish it. It may be
-- interrupted and run again.
-- Arguments:
--   path: the dataset's folder.
--   older_than: a TIMESTAMPTZ, or an INTERVAL before now: what has expired or was left behind since is kept.
--   dry_run: only list what would be removed.
-- Returns one row for each file that it removed:
--   file VARCHAR: its path below the dataset's folder.
--   file_size_bytes BIGINT: its size.
--   reason VARCHAR: expired (only expired snapshots needed it) or leftover (no commit names it).
-- Errors:
--   not-found: there is no dataset at the path.
--   invalid-input: a time that cannot be read or is in the future.
--   read-only: a file cannot be removed.
-- Example:
--   FROM space_vacuum('annotations');
CREATE OR REPLACE TEMP MACRO space_vacuum(path, older_than := NULL, dry_run := false) AS TABLE
FROM _space_report('space_vacuum', '[{"file":"VARCHAR","file_size_bytes":"BIGINT","reason":"VARCHAR"}]', to_json({
  path: path::VARCHAR, older_than: older_than::VARCHAR, before: _space_before(older_than::VARCHAR), dry_run: dry_run::BOOLEAN
})::VARCHAR);
