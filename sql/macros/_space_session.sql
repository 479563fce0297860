-- What the functions need to know of the caller: its connection (a number that the host gives), transaction and statement, and the
-- session's variables space_branch (branch for reads and writes) and space_sync (false relaxes syncing).
CREATE OR REPLACE TEMP MACRO _space_session() AS to_json({
  connection: _space_connection(),
  transaction: current_transaction_id(),
  query: current_query_id(),
  branch: getvariable('space_branch')::VARCHAR,
  sync: getvariable('space_sync')::VARCHAR
})::VARCHAR;
