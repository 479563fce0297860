-- space_materialize(path, view, primary_keys => NULL, static => NULL, engine => 'local', …)
-- kind: write
-- A materialized view: the definition of a SQL view and its first result, as a dataset with its own history.
-- The definition is kept whole: views that it names are put in their place, and every dataset that it reads with
-- `space_scan` becomes a source whose snapshot is noted. [views.md](views.md) tells how it is refreshed.
-- Arguments:
--   path: a folder that does not exist yet, or is empty.
--   view: the name of a view, or a query, over `space_scan`.
--   primary_keys: the columns that identify a row of the result; omitted, they are inferred from the keys of the sources or from GROUP BY; where they cannot be, rows are told apart by all their values.
--   static: names of tables, and paths of files, that the view also reads and that never change.
--   engine: who computes a view with Python functions: 'local', this process, or 'ray', the workers of [Ray](views.md#on-ray).
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   already-exists: there is a dataset at the path, or the folder is in use.
--   not-found: no view of that name, or no dataset where the view reads one.
--   invalid-input: the view reads a table or file that is not declared static; a column whose type cannot be kept; an engine that is unknown or not installed.
-- Example:
--   CREATE VIEW good AS SELECT id, label FROM space_scan('annotations') WHERE score > 0.5;
--   CALL space_materialize('good_mv', 'good');
CREATE OR REPLACE TEMP MACRO space_materialize(
  path, view, primary_keys := NULL, static := NULL, engine := 'local',
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_define('space_materialize', '{"snapshot_id":"BIGINT","operation":"VARCHAR","rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT"}', to_json({
  path: path::VARCHAR, view: view::VARCHAR, primary_keys: primary_keys, static: static, engine: engine::VARCHAR, time_zone: current_setting('TimeZone'), settings: _space_settings(),
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
