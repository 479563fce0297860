-- What a view's definition may need of the caller's catalogue: views by their SQL, and the columns of tables.
CREATE OR REPLACE TEMP MACRO _space_catalogue() AS to_json({
  views: (
    SELECT list({
      database: database_name, schema: schema_name, name: view_name, sql: sql,
      current: database_name = current_database() AND schema_name = current_schema()
    }) FROM duckdb_views() WHERE NOT internal
  ),
  tables: (
    SELECT list(_space_table) FROM (
      SELECT {
        database: database_name, schema: schema_name, name: table_name,
        current: database_name = current_database() AND schema_name = current_schema(),
        columns: list([column_name, data_type] ORDER BY column_index)
      } AS _space_table FROM duckdb_columns() WHERE NOT internal GROUP BY database_name, schema_name, table_name
    )
  )
})::VARCHAR;
