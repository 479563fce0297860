-- space_create(path, columns => NULL, source => NULL, primary_keys => […], record_fields => […], record_options => NULL, …)
-- kind: write
-- A new dataset in a folder: empty with `columns => 'id BIGINT, name VARCHAR'`, or loaded from a query or table with `source`, whose column types it takes.
-- Give one of both. Folders above it are made as needed. It begins with snapshot 0 on branch `main`. A column that is
-- all NULL so far takes its type from the first real values that arrive.
-- Arguments:
--   path: a folder that does not exist yet, or is empty.
--   columns: names and types as in CREATE TABLE, without constraints and defaults.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   primary_keys: the columns that identify a row, as a list; required.
--   record_fields: BLOB or VARCHAR columns whose values are kept as records in ArrayRecord files: images, audio, documents.
--   record_options: for record fields, how they are written, as in `{image: {group_size: 1, compression: 'none'}}`, and what loaders decode them by, as in `{image: {decode: 'image'}}`.
-- Returns one row: `snapshot_id, operation, rows_inserted, rows_updated, rows_deleted`.
-- Errors:
--   already-exists: there is a dataset at the path, or the folder is in use.
--   invalid-input: no `primary_keys`; a type that cannot be kept exactly (the message says what to do instead); a column name that is there twice or begins with `_space_`; a record field that is a key or neither BLOB nor VARCHAR.
--   read-only: the folder cannot be written to.
-- Example:
--   CALL space_create('squares', source => 'SELECT range AS id, range * range AS square FROM range(10)', primary_keys => ['id']);
--   CALL space_create('photos', columns => 'id BIGINT, image BLOB', primary_keys => ['id'], record_fields => ['image']);
--   CALL space_create('animals', columns => 'id BIGINT, name VARCHAR, tags VARCHAR[]', primary_keys => ['id']);
CREATE OR REPLACE TEMP MACRO space_create(
  path, columns := NULL, source := NULL, primary_keys := NULL, record_fields := NULL, record_options := NULL,
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_write('space_create', to_json({
  path: path::VARCHAR, columns: columns::VARCHAR, source: source::VARCHAR, primary_keys: primary_keys, record_fields: record_fields, record_options: record_options,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
