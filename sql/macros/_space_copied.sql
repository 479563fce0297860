-- Publishes what DuckDB's COPY wrote for a statement in Python, and answers like any write.
CREATE OR REPLACE TEMP MACRO _space_copied(handle) AS TABLE
WITH _space_done AS MATERIALIZED (SELECT _space_commit(handle::BIGINT, NULL::BIGINT) AS _space_answer)
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END,
  '{"snapshot_id":"BIGINT","operation":"VARCHAR","rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT"}'
)) FROM _space_done;
