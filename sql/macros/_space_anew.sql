-- No rows, read from no files. A prepared statement that reads files is planned anew each time it runs; DuckDB 1.5 runs
-- others as they were planned, in the transaction of that moment. Every write has this in it.
CREATE OR REPLACE TEMP MACRO _space_anew() AS TABLE SELECT NULL AS _space_nothing FROM read_blob([]::VARCHAR[]) WHERE false;
