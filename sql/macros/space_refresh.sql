-- space_refresh(path, version => NULL, policy => 'auto', engine => 'local', …)
-- kind: write
-- Brings a materialized view up to its sources, by what changed in them.
-- The result is what the view's query gives over the sources at the snapshots that are noted with it. When nothing
-- changed, no snapshot is written. [views.md](views.md) tells which queries refresh incrementally.
-- Arguments:
--   path: the materialized view's folder.
--   version: a tag, branch or snapshot id of the sources, older ones too; omitted, the head of their branch.
--   policy: 'auto' (incremental where a rule is known and it pays, else full), 'incremental' (an error where it is not possible) or 'full'.
--   engine: who computes a view with Python functions: 'local', this process, or 'ray', the workers of [Ray](views.md#on-ray).
-- Returns one row:
--   snapshot_id BIGINT: the snapshot that it wrote, or the one that stands.
--   policy VARCHAR: what was done: incremental, full or none.
--   sources STRUCT(path VARCHAR, from_snapshot BIGINT, to_snapshot BIGINT)[]: the sources and the snapshots that were applied.
--   rows_inserted BIGINT: rows that came into the view.
--   rows_updated BIGINT: rows of the view that have other values.
--   rows_deleted BIGINT: rows that left the view.
--   rows_read BIGINT: changed rows of the sources; for a full refresh all their rows.
--   reason VARCHAR: why it was full.
-- Errors:
--   not-found: no materialized view at the path, or a source or version that is not there.
--   invalid-input: the dataset is no materialized view; `policy => 'incremental'` where there is no rule; an engine that is unknown or not installed.
--   conflict: another refresh came first: run it again.
-- Example:
--   CREATE VIEW fair AS SELECT id, label FROM space_scan('annotations') WHERE score > 0.5;
--   CALL space_materialize('fair_mv', 'fair');
--   CALL space_upsert('annotations', 'SELECT 5 AS id, ''elk'' AS label, 0.9 AS score');
--   SELECT snapshot_id, policy, rows_inserted, rows_updated, rows_deleted, rows_read FROM space_refresh('fair_mv');
CREATE OR REPLACE TEMP MACRO space_refresh(
  path, version := NULL, policy := 'auto', engine := 'local',
  branch := NULL, message := NULL, author := NULL, expected_snapshot := NULL, commit_key := NULL
) AS TABLE
FROM _space_answered('space_refresh', '{"snapshot_id":"BIGINT","policy":"VARCHAR","sources":[{"path":"VARCHAR","from_snapshot":"BIGINT","to_snapshot":"BIGINT"}],"rows_inserted":"BIGINT","rows_updated":"BIGINT","rows_deleted":"BIGINT","rows_read":"BIGINT","reason":"VARCHAR"}', to_json({
  path: path::VARCHAR, version: version::VARCHAR, policy: policy::VARCHAR, engine: engine::VARCHAR, time_zone: current_setting('TimeZone'), settings: _space_settings(),
  branch: branch::VARCHAR, message: message::VARCHAR, author: author::VARCHAR, expected_snapshot: expected_snapshot::VARCHAR, commit_key: commit_key::VARCHAR
})::VARCHAR);
