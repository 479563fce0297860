-- space_expire(path, older_than => NULL, keep_last => NULL, versions => NULL, dry_run => false, …)
-- kind: upkeep
-- Forgets snapshots that no tag and no branch needs, so that `space_vacuum` can free their room.
-- Heads of branches, tagged snapshots and those at which histories of branches meet, which `space_merge` needs, are
-- always kept. With both `older_than` and `keep_last`, a snapshot goes only
-- when both say so. Versions in between can then no longer be read, and `space_changes` does not step over them.
-- Arguments:
--   path: the dataset's folder.
--   older_than: a TIMESTAMPTZ, or an INTERVAL before now.
--   keep_last: how many of the newest snapshots of every branch to keep.
--   versions: exactly these snapshots, as a list.
--   dry_run: only list what would be forgotten.
-- Returns one row for each snapshot that it forgot:
--   snapshot_id BIGINT: the snapshot.
--   snapshot_time TIMESTAMP WITH TIME ZONE: when it was committed.
--   branch VARCHAR: the branch that it was committed to.
--   operation VARCHAR: what had made it.
--   message VARCHAR: why.
--   freed_bytes BIGINT: size of the files that no other snapshot needs any more.
-- Errors:
--   not-found: no dataset at the path, or no such version.
--   invalid-input: it is not said what to forget; or a version that a tag or branch needs.
-- Example:
--   SELECT snapshot_id, operation, message, freed_bytes > 0 AS frees FROM space_expire('annotations', keep_last => 1);
CREATE OR REPLACE TEMP MACRO space_expire(
  path, older_than := NULL, keep_last := NULL, versions := NULL, dry_run := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_report('space_expire', '[{"snapshot_id":"BIGINT","snapshot_time":"TIMESTAMPTZ","branch":"VARCHAR","operation":"VARCHAR","message":"VARCHAR","freed_bytes":"BIGINT"}]', to_json({
  path: path::VARCHAR, older_than: older_than::VARCHAR, before: _space_before(older_than::VARCHAR),
  keep_last: keep_last::BIGINT, versions: versions::VARCHAR[], dry_run: dry_run::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
