-- space_create(path, columns => NULL, source => NULL, primary_keys => […], record_fields => […], …)
-- kind: write
-- A new dataset in a folder: empty with `columns => 'id BIGINT, name VARCHAR'`, or loaded from a query or table
-- with `source`, whose column types it takes. `primary_keys` names the columns that identify a row.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Example:
--   CALL space_create('points', columns => 'id BIGINT, label VARCHAR', primary_keys => ['id']);
--   CALL space_create('squares', source => 'SELECT range AS id, range * range AS n FROM range(10)', primary_keys => ['id']);
CREATE OR REPLACE TEMP MACRO space_create(
  path, columns := NULL, source := NULL, primary_keys := NULL, record_fields := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_create', to_json({
  path: path::VARCHAR, columns: columns::VARCHAR, source: source::VARCHAR, primary_keys: primary_keys, record_fields: record_fields,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
