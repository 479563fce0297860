-- Tasks of the server's list (`ls_list`) that differ from what is stored: by the time of their last change, which overlaps
-- with what is known, or by how many annotations and predictions they have; and how many stored ones the list lacks.
SELECT
  (SELECT coalesce(list(l.task_id ORDER BY l.task_id), []) FROM ls_list AS l LEFT JOIN ls_stored AS s USING (task_id)
   WHERE s.task_id IS NULL OR l.updated_at >= getvariable('ls_since')::TIMESTAMPTZ
     OR l.annotations <> s.annotations OR l.predictions <> s.predictions) AS changed,
  (SELECT count(*) FROM ls_stored WHERE task_id NOT IN (SELECT task_id FROM ls_list)) AS gone;
