-- What changes in the annotations, as in tasks.sql. All annotations of a task in `ls_covered` are known, so others go.
CREATE TEMP TABLE ls_annotations_merged AS
SELECT n.*,
  s.annotation_id IS NULL AS is_new,
  coalesce(s.unique_id <> n.unique_id, s.created_at <> n.created_at, false) AS is_other,
  (n.task_id, n.project, n.annotator, n.skipped, n.ground_truth, n.parent_prediction, n.parent_annotation, n.result)
    IS DISTINCT FROM
  (s.task_id, s.project, s.annotator, s.skipped, s.ground_truth, s.parent_prediction, s.parent_annotation, s.result) AS is_changed
FROM ls_new_annotations AS n LEFT JOIN ls_annotations AS s USING (annotation_id)
WHERE n.annotation_id NOT IN (FROM ls_deleted_annotations) AND n.task_id NOT IN (FROM ls_deleted_tasks)
  AND NOT (getvariable('ls_partial')::BOOLEAN AND coalesce(n.updated_at < s.updated_at AND n.created_at = s.created_at, false));

CREATE TEMP TABLE ls_annotations_gone AS
SELECT _space_file, _space_pos, annotation_id FROM ls_annotations AS s
WHERE s.task_id IN (FROM ls_deleted_tasks)
  OR (s.task_id IN (SELECT task_id FROM ls_ended_tasks) AND s.annotation_id NOT IN (SELECT annotation_id FROM ls_new_annotations))
  OR s.annotation_id IN (FROM ls_deleted_annotations)
  OR s.annotation_id IN (SELECT annotation_id FROM ls_annotations_merged WHERE is_other)
  OR (s.task_id IN (FROM ls_covered) AND s.annotation_id NOT IN (SELECT annotation_id FROM ls_new_annotations))
  OR (s.task_id NOT IN (FROM ls_present) AND EXISTS (SELECT 1 FROM ls_complete AS c WHERE c.project IS NOT DISTINCT FROM s.project));

CREATE TEMP VIEW ls_annotations_put AS
SELECT * EXCLUDE (is_new, is_other, is_changed) FROM ls_annotations_merged WHERE is_new OR is_other OR is_changed;
