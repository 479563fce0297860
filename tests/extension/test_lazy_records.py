"""The extension reads as few records as the Python host does."""

from __future__ import annotations

from tests.extension.conftest import Opener
from tests.unit.test_records import check_lazy, fill, read

__all__ = ["read"]  # a fixture


def test_a_query_reads_the_records_of_the_rows_that_are_left_in_the_extension_too(
    opened: Opener,
    read: list[int],
) -> None:
    con = opened()
    con.execute("SET VARIABLE space_sync = false")
    fill(con)
    check_lazy(con, read)
