-- space_forget(path, predicate, dry_run => false, …)
-- kind: upkeep
-- Erases the rows where the predicate is true, and their records, from every version, tag and branch, and from the disk.
-- No version, feed or difference shows them afterwards, and no byte of them is left in the folder: data files,
-- statistics, records, checkpoints, and messages that name their values are written anew. Every row is judged in the
-- columns of each version that showed it, deleted ones too; other states of the same row (before or after an update) only
-- when the predicate is true of them as well: forget by key to erase all. What is committed while it runs is not judged.
-- Arguments:
--   path: the dataset's folder.
--   predicate: one expression, such as `id IN (SELECT id FROM left_us)`; in subqueries the row is `row_`.
--   dry_run: only tell what would be erased.
-- Returns one row:
--   snapshot_id BIGINT: the entry of the log that stands for it; NULL when there was nothing to forget.
--   rows_forgotten BIGINT: how many rows are gone, each state of a row counted.
--   records_forgotten BIGINT: how many records are gone.
--   versions BIGINT[]: the readable snapshots that showed one of the rows.
--   files_replaced VARCHAR[]: data and record files that were written anew.
--   entries_rewritten BIGINT: entries of the log that were written anew.
--   bytes_gone BIGINT: size of the files that were exchanged.
--   files_left VARCHAR[]: files that no commit names and that are younger than an hour: a writer may be about to publish them.
-- Errors:
--   not-found: there is no dataset at the path.
--   invalid-input: text that is more than one expression, or a name that no version has.
--   storage: a file that is needed is missing.
--   conflict: another space_forget is at work on the dataset.
-- Example:
--   SELECT rows_forgotten, len(versions) AS versions, len(files_replaced) AS files FROM space_forget('annotations', 'id = 2');
CREATE OR REPLACE TEMP MACRO space_forget(
  path, predicate, dry_run := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write_report('space_forget', '[{"snapshot_id":"BIGINT","rows_forgotten":"BIGINT","records_forgotten":"BIGINT","versions":"BIGINT[]","files_replaced":"VARCHAR[]","entries_rewritten":"BIGINT","bytes_gone":"BIGINT","files_left":"VARCHAR[]"}]', to_json({
  path: path::VARCHAR, predicate: predicate::VARCHAR, dry_run: dry_run::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
