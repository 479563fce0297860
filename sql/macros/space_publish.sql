-- space_publish(folder, file, versions => ['main'])
-- kind: upkeep
-- Writes a plain DuckDB file with a view for each dataset below a folder, for tools that can load nothing: DuckDB 1.5 and 2.0 read it.
-- A view shows the data files of one snapshot, by their absolute paths: run it again to show what was written since, and
-- after the folder was moved. The file is replaced at once; who has it open goes on reading the old one.
-- A record field shows its size in bytes, as `<column>_bytes`. Comments go along. The table `space_catalog.views` has
-- what is returned here.
-- Arguments:
--   folder: where the datasets are, at any depth.
--   file: the DuckDB file; one that is there is only replaced when it was written by this function.
--   versions: tags, branches or snapshot ids; each becomes a schema, with the datasets that have it.
-- Returns one row for each version of each dataset:
--   schema_name VARCHAR: the version.
--   view_name VARCHAR: the dataset's path below the folder.
--   path VARCHAR: the absolute path of its folder.
--   snapshot_id BIGINT: the snapshot that the view shows.
--   row_count BIGINT: its rows.
--   published BOOLEAN: whether there is a view.
--   note VARCHAR: what the view does not show, or why there is none.
-- Errors:
--   not-found: no such folder, no dataset below it, or no folder for the file.
--   already-exists: the file holds something else.
--   conflict: the file is open for writing.
-- Example:
--   SELECT schema_name, view_name, snapshot_id, row_count, note FROM space_publish('.', 'catalog.duckdb');
CREATE OR REPLACE TEMP MACRO space_publish(folder, file, versions := NULL) AS TABLE
FROM _space_report('space_publish', '[{"schema_name":"VARCHAR","view_name":"VARCHAR","path":"VARCHAR","snapshot_id":"BIGINT","row_count":"BIGINT","published":"BOOLEAN","note":"VARCHAR"}]', to_json({
  folder_path: folder::VARCHAR, file: file::VARCHAR, versions: versions::VARCHAR[]
})::VARCHAR);
