-- Annotations of which something newer is stored: an event that was overtaken by another changes nothing.
CREATE TEMP TABLE ls_late AS
SELECT n.annotation_id FROM ls_new_annotations AS n JOIN ls_annotations AS s USING (annotation_id)
WHERE getvariable('ls_partial')::BOOLEAN AND n.updated_at < s.updated_at AND n.created_at = s.created_at;
