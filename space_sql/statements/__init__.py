"""Statements that people expect, ``INSERT INTO 'path' …`` and the like, as calls of Space SQL's functions."""
