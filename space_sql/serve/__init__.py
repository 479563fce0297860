"""The page: a folder's datasets in a browser, read-only. ``space-sql serve`` runs it."""

from space_sql.serve.app import make_app

__all__ = ["make_app"]
