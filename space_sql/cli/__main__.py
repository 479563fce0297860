"""`python -m space_sql.cli` is `space-sql`."""

from space_sql.cli.app import main

main()
