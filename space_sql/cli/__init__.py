"""The command line: `space-sql`, one command a module."""

from space_sql.cli.app import main

__all__ = ["main"]
