-- Like _space_view for a function that mostly needs nothing of the caller's connection: what answers it is chosen
-- while DuckDB binds, and rows only pass the caller's connection, as _space_staged has them do, where they must.
CREATE OR REPLACE TEMP MACRO _space_answered(function, columns, arguments) AS TABLE
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END, columns
)) FROM (
  FROM query(_space_way(function, _space_session(), arguments, '_space_staged(')) UNION ALL FROM _space_anew()
);
