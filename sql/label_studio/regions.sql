-- What changes in the regions, as in annotations.sql: an annotation that is told is told with all its regions.
CREATE TEMP TABLE ls_regions_merged AS
SELECT n.*,
  s.annotation_id IS NULL AS is_new,
  coalesce(s.created_at <> n.created_at, false) AS is_other,
  (n.task_id, n.project, n.kind, n.to_name, n.label, n.score, n.image_width, n.image_height, n.from_region, n.to_region,
   n.direction, n.parent_region, n.origin, n.value, n.annotator, n.skipped, n.ground_truth)
    IS DISTINCT FROM
  (s.task_id, s.project, s.kind, s.to_name, s.label, s.score, s.image_width, s.image_height, s.from_region, s.to_region,
   s.direction, s.parent_region, s.origin, s.value, s.annotator, s.skipped, s.ground_truth) AS is_changed
FROM ls_new_regions AS n LEFT JOIN ls_regions AS s USING (annotation_id, region_id, from_name, nth)
WHERE n.annotation_id NOT IN (FROM ls_deleted_annotations) AND n.task_id NOT IN (FROM ls_deleted_tasks)
  AND n.annotation_id NOT IN (FROM ls_late);

CREATE TEMP TABLE ls_regions_gone AS
SELECT _space_file, _space_pos, annotation_id FROM ls_regions AS s
WHERE s.task_id IN (FROM ls_deleted_tasks)
  OR (s.task_id IN (SELECT task_id FROM ls_ended_tasks) AND s.annotation_id NOT IN (SELECT annotation_id FROM ls_new_annotations))
  OR s.annotation_id IN (FROM ls_deleted_annotations)
  OR (s.annotation_id, s.region_id, s.from_name, s.nth) IN
    (SELECT (annotation_id, region_id, from_name, nth) FROM ls_regions_merged WHERE is_other)
  OR ((s.task_id IN (FROM ls_covered)
       OR s.annotation_id IN (SELECT annotation_id FROM ls_new_annotations WHERE annotation_id NOT IN (FROM ls_late)))
      AND (s.annotation_id, s.region_id, s.from_name, s.nth) NOT IN
        (SELECT (annotation_id, region_id, from_name, nth) FROM ls_new_regions))
  OR (s.task_id NOT IN (FROM ls_present) AND EXISTS (SELECT 1 FROM ls_complete AS c WHERE c.project IS NOT DISTINCT FROM s.project));

CREATE TEMP VIEW ls_regions_put AS
SELECT * EXCLUDE (is_new, is_other, is_changed) FROM ls_regions_merged WHERE is_new OR is_other OR is_changed;
