-- space_merge(path, from_branch, target => 'main', strategy => 'fail', resolutions => NULL, dry_run => false, …)
-- kind: write
-- Does to a branch what another one did since their common ancestor: by primary key, cell by cell.
-- Edits of different cells of a row unite, equal edits are no conflict, rows that both deleted are gone. A conflict is a
-- cell that both edited differently, a key that both added with different values, and a row that one edited and the
-- other deleted: `space_conflicts` lists them. Columns unite by what they are: what one side added, renamed, widened or
-- dropped is so after the merge; dropping a column that the other side edited is a conflict. Where the target did
-- nothing of its own, it takes over the branch's files as they are. A merge is one snapshot on the target, with the
-- branch's head as `merge_parent_id`; when the target has all of the branch already, nothing happens.
-- Arguments:
--   path: the dataset's folder.
--   from_branch: the branch whose changes to take. It stays as it is.
--   target: the branch to change; it stands in the place of the `branch` of other writes.
--   strategy: what conflicts do: `fail`, or `ours` (the target wins), or `theirs` (the branch wins).
--   resolutions: a query or table with the key and final values: they stand where there is a conflict and are passed over elsewhere. True in a column `_delete` deletes the row, false keeps it against the side that deleted it.
--   dry_run: only tell what would be changed, or that it fails; `snapshot_id` is then the target's head.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   not-found: no dataset at the path, no such branch, or the common ancestor was expired.
--   invalid-input: a key that is there more than once on a side; resolutions that do not fit.
--   conflict: what neither a resolution nor the strategy decides; or schemas that do not go together.
-- Example:
--   CALL space_branch('points', 'dev');
--   CALL space_update('points', 'label = ''comet''', 'id = 1', branch => 'dev', author => 'ann');
--   CALL space_update('points', 'label = ''ring''', 'id = 3', author => 'ben');
--   CALL space_merge('points', 'dev', message => 'what ann found');
CREATE OR REPLACE TEMP MACRO space_merge(
  path, from_branch, target := 'main', strategy := 'fail', resolutions := NULL, dry_run := false,
  message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_merge', to_json({
  path: path::VARCHAR, from_branch: from_branch::VARCHAR, strategy: strategy::VARCHAR, resolutions: resolutions::VARCHAR, dry_run: dry_run::BOOLEAN,
  branch: coalesce(target::VARCHAR, 'main'), message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
