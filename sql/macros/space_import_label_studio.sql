-- space_import_label_studio(path, source, project => NULL, complete => true, media => NULL, media_root => NULL, …)
-- kind: exchange
-- A Label Studio project as three datasets below a folder: `tasks`, `annotations` and `regions`, made or brought up to date.
-- Their columns are the same for every project, and several projects can share a folder. What did not change in content
-- is left alone: the same export again writes no snapshot, and neither do times and counters alone. Another task under
-- an id that was used before is a delete and an insert. Each dataset changes by one snapshot, whose author is the
-- annotator where one is known. Done again after an interruption, it does the rest. [label_studio.md](label_studio.md)
-- tells the columns.
-- Arguments:
--   path: the folder of the three datasets.
--   source: an export (JSON, JSON_MIN or an expanded snapshot), or a project's address, 'http://localhost:8080/projects/2', with its token in the environment variable LABEL_STUDIO_API_KEY.
--   project: the id of the project, where the export does not tell it: JSON_MIN, or no task at all.
--   complete: tasks of the project that the export lacks are deleted; false, for an export of some tasks, leaves them.
--   media: a key of the tasks' data that names files: they are kept as a record field of that name, NULL for tasks without it.
--   media_root: the folder of these files; without it each is fetched from the address that the task names, on the project's own server with the token.
-- Returns one row for each dataset:
--   dataset VARCHAR: tasks, annotations or regions.
--   path VARCHAR: its folder.
--   snapshot_id BIGINT: the snapshot that it wrote, or the one that stands when nothing changed.
--   operation VARCHAR: create or import.
--   rows_inserted BIGINT: rows that it added.
--   rows_updated BIGINT: rows that it changed.
--   rows_deleted BIGINT: rows that it took out.
-- Errors:
--   not-found: there is no such file or project, or a task names a file that is not there: then nothing is written.
--   invalid-input: the source is no export of Label Studio, or one that tells less than what is stored.
--   storage: the server did not answer, after several attempts.
-- Example:
--   COPY (SELECT 7 AS id, 1 AS project, 1 AS inner_id, {'text': 'Great!'} AS data, '{}'::JSON AS meta, [] AS predictions,
--     '2024-05-01T10:00:00Z' AS created_at, '2024-05-01T10:05:00Z' AS updated_at, [{'id': 3, 'completed_by': 1,
--     'created_at': '2024-05-01T10:05:00Z', 'updated_at': '2024-05-01T10:05:00Z', 'result': [{'id': 'r1',
--     'from_name': 'topic', 'to_name': 'text', 'type': 'choices', 'value': {'choices': ['praise']}}]}] AS annotations)
--   TO 'export.json' (ARRAY true);
--   SELECT dataset, snapshot_id, operation, rows_inserted FROM space_import_label_studio('reviews', 'export.json');
CREATE OR REPLACE TEMP MACRO space_import_label_studio(
  path, source, project := NULL, complete := true, media := NULL, media_root := NULL,
  branch := NULL, message := NULL, author := NULL
) AS TABLE
FROM _space_report('space_import_label_studio', '[{"dataset":"VARCHAR","path":"VARCHAR","snapshot_id":"BIGINT","operation":"VARCHAR","rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT"}]', to_json({
  path: path::VARCHAR, source: source::VARCHAR, project: project::BIGINT, complete: complete::BOOLEAN, media: media::VARCHAR, media_root: media_root::VARCHAR,
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR
})::VARCHAR);
