-- A change without rows, as one statement that runs exactly once however the result is read.
CREATE OR REPLACE TEMP MACRO _space_change(function, arguments) AS TABLE
WITH _space_done AS MATERIALIZED (
  SELECT _space_apply(function, _space_session(), arguments) AS _space_answer UNION ALL FROM _space_anew()
)
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END,
  '{"snapshot_id":"BIGINT","operation":"VARCHAR","rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT"}'
)) FROM _space_done;
