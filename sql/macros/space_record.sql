-- space_record(path, address)
-- kind: value
-- The record at an address: the bytes that `space_scan(path, records => 'address')` told the place of.
-- Where a query needs few of many records, take addresses first and fetch at the end: so nothing is read for rows that
-- a join or a sample drops. It reads record files of that dataset only.
-- Arguments:
--   path: the dataset's folder.
--   address: a STRUCT with `file`, `row` and `bytes`, as the scan gives it.
-- Returns a BLOB; NULL where the address is NULL. For a VARCHAR field, `decode(…)` makes it text.
-- Errors:
--   not-found: the record file is missing.
--   format: the record file is damaged, has no such row, or lies outside of the dataset.
-- Example:
--   SELECT id, image.bytes, space_record('scans', image) AS image FROM space_scan('scans', records => 'address') ORDER BY id LIMIT 2;
CREATE OR REPLACE TEMP MACRO space_record(path, address) AS
_space_record(path::VARCHAR, struct_extract(address, 'file'), struct_extract(address, 'row'), struct_extract(address, 'bytes'));
