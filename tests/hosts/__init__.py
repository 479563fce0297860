"""The ways a `.test` file can meet DuckDB: one module a host."""
