-- What the functions need to know of the caller: its connection (a number that the host gives), transaction
-- and statement, the collation of texts, and the session's variables space_sync (false relaxes syncing) and
-- space_branch (branch for reads and writes), which comes last since it may hold anything.
CREATE OR REPLACE TEMP MACRO _space_session() AS concat_ws('|',
  _space_connection(), current_transaction_id(), current_query_id(), current_setting('default_collation'),
  coalesce(getvariable('space_sync')::VARCHAR, ''), coalesce(getvariable('space_branch')::VARCHAR, '')
);
