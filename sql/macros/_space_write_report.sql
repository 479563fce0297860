-- A write that takes rows and tells what it did in rows of its own, whose structure `columns` is.
CREATE OR REPLACE TEMP MACRO _space_write_report(function, columns, arguments) AS TABLE
SELECT unnest(_space_row) FROM (
  SELECT unnest(from_json(
    CASE WHEN starts_with(_space_answer, '!') THEN error(substr(_space_answer, 2)) ELSE _space_answer END, columns
  )) AS _space_row FROM _space_staged(function, arguments, arguments)
);
