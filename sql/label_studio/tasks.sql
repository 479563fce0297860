-- What changes in the tasks: rows to put, with positions of the stored ones that go. `ls_tasks` is what is stored.
-- A row whose content stands is no change: its times and counters alone are bookkeeping. Another time of creation under
-- a known id is another task. An event does not tell everything: what it leaves out stays as it is.
CREATE TEMP TABLE ls_tasks_merged AS
SELECT n.*,
  s.task_id IS NULL AS is_new,
  coalesce(s.created_at <> n.created_at, false) AS is_other,
  coalesce(s.ls_has_media, true) AS has_media,
  (n.project, n.inner_id, n.data, n.meta, n.prediction_ids)
    IS DISTINCT FROM (s.project, s.inner_id, s.data, s.meta, s.prediction_ids) AS is_changed
FROM (
  SELECT n.* REPLACE (
    coalesce(n.project, s.project) AS project,
    coalesce(n.inner_id, s.inner_id) AS inner_id,
    coalesce(n.prediction_ids, s.prediction_ids, []) AS prediction_ids
  )
  FROM ls_new_tasks AS n LEFT JOIN ls_tasks AS s ON s.task_id = n.task_id AND s.created_at IS NOT DISTINCT FROM n.created_at
) AS n LEFT JOIN ls_tasks AS s USING (task_id)
WHERE n.task_id NOT IN (FROM ls_deleted_tasks)
  AND NOT (getvariable('ls_partial')::BOOLEAN AND coalesce(n.updated_at < s.updated_at AND n.created_at = s.created_at, false));

CREATE TEMP TABLE ls_tasks_gone AS
SELECT _space_file, _space_pos, task_id FROM ls_tasks AS s
WHERE s.task_id IN (FROM ls_deleted_tasks)
  OR s.task_id IN (SELECT task_id FROM ls_tasks_merged WHERE is_other)
  OR (s.task_id NOT IN (FROM ls_present) AND EXISTS (SELECT 1 FROM ls_complete AS c WHERE c.project IS NOT DISTINCT FROM s.project));

CREATE TEMP VIEW ls_tasks_put AS
SELECT * EXCLUDE (is_new, is_other, is_changed, has_media) FROM ls_tasks_merged
WHERE is_new OR is_other OR is_changed OR (NOT has_media AND task_id IN (FROM ls_with_media));
