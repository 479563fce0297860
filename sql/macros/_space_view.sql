-- Like _space_write, for materialized views: `columns` is what is returned, and `catalogue` goes along.
CREATE OR REPLACE TEMP MACRO _space_view(function, columns, arguments, catalogue := '{}') AS TABLE
WITH _space_types AS (
  SELECT typeof(any_value(_space_type_value)) AS _space_type
  FROM (SELECT _space_type_row AS _space_type_value
        FROM query(_space_typed(function, _space_session(), arguments)) AS _space_type_row LIMIT 0)
), _space_begun AS MATERIALIZED (
  SELECT _space_begin(
    function, _space_session(),
    substr(arguments, 1, length(arguments) - 1) || ',"catalogue":' || catalogue || '}',
    _space_type
  ) AS _space_handle FROM _space_types
), _space_staged AS MATERIALIZED (
  SELECT count(_space_stage(_space_handle, _space_row)) AS _space_count
  FROM query(_space_rows(function, _space_connection(), arguments)) AS _space_row, _space_begun
  WHERE _space_handle > 0
), _space_done AS MATERIALIZED (
  SELECT _space_commit(_space_handle, _space_count) AS _space_answer FROM _space_begun, _space_staged
)
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END, columns
)) FROM _space_done;
