-- Like _space_write, for materialized views: `columns` is what is returned, and `catalogue` goes along.
CREATE OR REPLACE TEMP MACRO _space_view(function, columns, arguments, catalogue := '{}') AS TABLE
SELECT unnest(from_json(
  CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END, columns
)) FROM _space_staged(
  function, arguments, substr(arguments, 1, length(arguments) - 1) || ',"catalogue":' || catalogue || '}'
);
