-- Files that tasks name under a key of their data, among those below `ls_media_root`: by the whole path that Label
-- Studio knows (local files, uploads), else by the file's name alone where it is there once. Addresses of other servers
-- name no file here. Without that folder each is fetched from its address, when it is needed.
CREATE TEMP TABLE ls_files AS
SELECT file, parse_filename(file) AS name FROM glob(getvariable('ls_media_root') || '/**');

CREATE TEMP TABLE ls_media AS
WITH named AS (
  SELECT task_id, nullif(data->>(getvariable('ls_media_key')::VARCHAR), '') AS told,
    CASE
      WHEN told LIKE '%/data/local-files/?d=%' THEN url_decode(regexp_extract(told, '\?d=([^&#]*)', 1))
      WHEN told LIKE '%/data/upload/%' THEN url_decode(regexp_extract(told, '/data/(upload/[^?#]*)', 1))
      WHEN told NOT LIKE '%://%' THEN ltrim(told, '/')
    END AS place
  FROM ls_new_tasks
), once AS (
  SELECT name, any_value(file) AS file FROM ls_files GROUP BY name HAVING count(*) = 1
)
SELECT task_id, told, place, coalesce(w.file, o.file) AS file
FROM named AS n
LEFT JOIN ls_files AS w ON w.file = getvariable('ls_media_root') || '/' || n.place
LEFT JOIN once AS o ON o.name = parse_filename(n.place);

CREATE TEMP TABLE ls_with_media AS SELECT task_id FROM ls_media WHERE file IS NOT NULL;
