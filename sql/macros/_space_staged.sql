-- What a write that takes rows answers, as one statement: each step is a materialized CTE, so it runs exactly once
-- however the result is read. The rows are read in the caller's own connection and transaction; none
-- are read when the write cannot begin (its handle is then negative, and commit says why).
-- `given` are the arguments as the write itself is told them: they may hold what only a subquery can tell.
CREATE OR REPLACE TEMP MACRO _space_staged(function, arguments, given) AS TABLE
WITH _space_types AS (
  SELECT typeof(any_value(_space_type_value)) AS _space_type
  FROM (SELECT _space_type_row AS _space_type_value
        FROM query(_space_typed(function, _space_session(), arguments)) AS _space_type_row LIMIT 0)
), _space_begun AS MATERIALIZED (
  SELECT _space_begin(function, _space_session(), given, _space_type) AS _space_handle FROM _space_types
  UNION ALL FROM _space_anew()
), _space_staged AS MATERIALIZED (
  SELECT count(_space_stage(_space_handle, _space_row)) AS _space_count
  FROM query(_space_rows(function, _space_connection(), arguments)) AS _space_row, _space_begun
  WHERE _space_handle > 0
), _space_done AS MATERIALIZED (
  SELECT _space_commit(_space_handle, _space_count) AS _space_answer FROM _space_begun, _space_staged
)
FROM _space_done;
