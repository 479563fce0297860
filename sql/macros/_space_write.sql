-- A write that takes rows, and answers with the row that most of them return.
CREATE OR REPLACE TEMP MACRO _space_write(function, arguments) AS TABLE
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END,
  '{"snapshot_id":"BIGINT","operation":"VARCHAR","rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT"}'
)) FROM _space_staged(function, arguments, arguments);
