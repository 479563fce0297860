-- space_explain_refresh(view, static => NULL)
-- kind: upkeep
-- Which operators of a view refresh incrementally, by which rule, and why not.
-- Arguments:
--   view: the name of a view, a query, or the path of a materialized view.
--   static: names of tables, and paths of files, that the view reads and that never change.
-- Returns one row an operator; one row in all when the view is refreshed in full:
--   operator VARCHAR: scan, filter, projection, join, group by, and so on; view for the whole of it.
--   rule VARCHAR: changes, linear, terms, touched-keys, touched-rows, merge, recompute, or full. [views.md](views.md) explains them.
--   reason VARCHAR: why it is full: a code and what it is about.
--   state VARCHAR: what is kept beside the rows.
-- Errors:
--   not-found: no view of that name, or no dataset where the view reads one.
--   invalid-input: the view reads a table or file that is not declared static.
-- Example:
--   FROM space_explain_refresh('SELECT label, count(*) AS n FROM space_scan(''annotations'') WHERE score > 0.5 GROUP BY label');
CREATE OR REPLACE TEMP MACRO space_explain_refresh(view, static := NULL) AS TABLE
FROM _space_view_report('space_explain_refresh', '[{"operator":"VARCHAR","rule":"VARCHAR","reason":"VARCHAR","state":"VARCHAR"}]', to_json({
  view: view::VARCHAR, static: static, time_zone: current_setting('TimeZone')
})::VARCHAR);
