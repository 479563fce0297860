-- space_compact(path, target_file_size => '256MB', order_by => NULL, dry_run => false, …)
-- kind: upkeep
-- Rewrites small files and files with deleted rows into few files, in the order of the primary key.
-- Records are copied out of record files of which half is no longer used, and out of small ones where there are many.
-- It is no data change: every version, change feed and diff reads as before, and older versions keep their files until
-- they expire. Writers at work are not disturbed. Where nothing would be gained it does nothing.
-- Arguments:
--   path: the dataset's folder.
--   target_file_size: about how large files become: bytes, or text like `64MB`.
--   order_by: names of columns to order all rows by, so that filters on them touch few files; rewrites everything.
--   dry_run: only tell what would be rewritten.
-- Returns one row:
--   snapshot_id BIGINT: the snapshot that it wrote, or the one that stands when nothing was gained.
--   operation VARCHAR: compact.
--   files_removed BIGINT: files that were rewritten.
--   files_added BIGINT: files in their place; NULL in a dry run.
--   bytes_removed BIGINT: size of the former.
--   bytes_added BIGINT: size of the latter; NULL in a dry run.
--   rows_rewritten BIGINT: live rows in them.
--   deleted_rows_removed BIGINT: deleted rows that no longer take room.
-- Errors:
--   not-found: no dataset at the path, no such branch, or no such column to order by.
--   invalid-input: a size that cannot be read.
-- Example:
--   SELECT operation, files_removed, files_added, rows_rewritten, deleted_rows_removed FROM space_compact('annotations');
CREATE OR REPLACE TEMP MACRO space_compact(
  path, target_file_size := NULL, order_by := NULL, dry_run := false,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_report('space_compact', '[{"snapshot_id":"BIGINT","operation":"VARCHAR","files_removed":"BIGINT","files_added":"BIGINT","bytes_removed":"BIGINT","bytes_added":"BIGINT","rows_rewritten":"BIGINT","deleted_rows_removed":"BIGINT"}]', to_json({
  path: path::VARCHAR, target_file_size: target_file_size::VARCHAR, order_by: order_by, dry_run: dry_run::BOOLEAN,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
