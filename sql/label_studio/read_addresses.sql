-- Addresses that tasks name under a key of their data.
CREATE TEMP TABLE ls_media AS
SELECT task_id, nullif(data->>(getvariable('ls_media_key')::VARCHAR), '') AS told, NULL::VARCHAR AS file FROM ls_new_tasks;

CREATE TEMP TABLE ls_with_media AS SELECT task_id FROM ls_media WHERE told IS NOT NULL;
