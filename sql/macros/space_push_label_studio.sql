-- space_push_label_studio(url, source, model_version => 'space-sql')
-- kind: exchange
-- Rows of a query become tasks and predictions (pre-annotations) of a Label Studio project; done again, only what changed is sent.
-- A row names its task by `task_id`, or by a `key` of its own, which a task that is made keeps in its metadata; then
-- `data` is what the task shows. What is predicted stands in columns named as those of the dataset `regions` (`from_name`,
-- `label`, `x`, `y`, `span_start`, …; `to_name` and `kind` follow from the configuration), one row a region and label, or
-- whole in `result`. A task has one prediction of each `model_version`. All rows are judged by the project's labelling
-- configuration before the first is sent.
-- Arguments:
--   url: the project's address, 'http://localhost:8080/projects/2', with its token in the environment variable LABEL_STUDIO_API_KEY.
--   source: a query, or the name of a table or view. It sees what your own SELECT would see.
--   model_version: whose predictions these are.
-- Returns one row:
--   tasks_created BIGINT: tasks that were made.
--   tasks_updated BIGINT: tasks whose data changed.
--   predictions_created BIGINT: predictions that were made.
--   predictions_updated BIGINT: predictions that changed.
--   unchanged BIGINT: tasks that were as they should be.
-- Errors:
--   invalid-input: a label, control or column that the project does not know; a row without its task.
--   not-found: there is no such project or task.
--   storage: the server did not answer, after several attempts: push again.
-- Example:
--   CREATE TABLE guesses AS SELECT 'review 7' AS key, {'text': 'Great!'} AS data, 'topic' AS from_name, 'praise' AS label, 0.9 AS score;
--   PREPARE push AS FROM space_push_label_studio('http://localhost:8080/projects/2', 'guesses', model_version => 'regex-1');
CREATE OR REPLACE TEMP MACRO space_push_label_studio(url, source, model_version := 'space-sql') AS TABLE
FROM _space_write_report('space_push_label_studio', '[{"tasks_created":"BIGINT","tasks_updated":"BIGINT","predictions_created":"BIGINT","predictions_updated":"BIGINT","unchanged":"BIGINT"}]', to_json({
  url: url::VARCHAR, source: source::VARCHAR, model_version: model_version::VARCHAR
})::VARCHAR);
