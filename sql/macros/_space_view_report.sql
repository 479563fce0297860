-- Like _space_report, for materialized views: the caller's catalogue goes along.
CREATE OR REPLACE TEMP MACRO _space_view_report(function, columns, arguments) AS TABLE
WITH _space_done AS MATERIALIZED (
  SELECT _space_apply(
    function, _space_session(),
    substr(arguments, 1, length(arguments) - 1) || ',"catalogue":' || _space_catalogue() || '}'
  ) AS _space_answer
  UNION ALL FROM _space_anew()
)
SELECT unnest(_space_row) FROM (
  SELECT unnest(from_json(
    CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END, columns
  )) AS _space_row FROM _space_done
);
