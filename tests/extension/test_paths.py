"""Path literals: a dataset's path is a table, and every other name is left to DuckDB."""

from __future__ import annotations

import duckdb
import pytest

from space_sql.hosts.extension.literal import read_path
from tests.extension.conftest import Opener, Runner

CREATE = "CALL space_create('ds', source => 'SELECT range AS id FROM range(10)', primary_keys => ['id'])"


@pytest.mark.parametrize("name", ["nowhere.ds", "memory.ds", "main.ds", 'nowhere."ds@main"', 'memory.main . "ds"'])
@pytest.mark.parametrize("statement", ["FROM {}", "SELECT count(*) FROM range(3) JOIN {} ON true", "DESCRIBE {}"])
def test_a_qualified_name_is_a_table_of_duckdbs(name: str, statement: str, opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    with pytest.raises(duckdb.CatalogException, match=r"Table with name .*does not exist"):
        con.execute(statement.format(name))


def test_a_table_of_the_same_name_does_not_hide_a_path(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    con.execute("CREATE SCHEMA other")
    con.execute("CREATE TABLE other.ds AS SELECT 1::BIGINT AS id")
    con.execute("CREATE VIEW v AS FROM 'ds'")
    for query, count in {
        "FROM other.ds": 1,
        "FROM 'ds'": 10,
        "FROM ds": 10,
        "FROM 'ds' JOIN other.ds USING (id)": 1,
        "FROM other.ds JOIN ds USING (id)": 1,
        "FROM v JOIN other.ds USING (id)": 1,  # only the view's text holds the path
        "FROM v ds WHERE ds.id > 3": 6,
    }.items():
        assert con.execute(f"SELECT count(*) {query}").fetchall() == [(count,)], query


def test_a_path_is_read_while_nothing_runs_yet(opened: Opener) -> None:
    con = opened()
    con.execute(CREATE)
    assert con.sql("FROM 'ds'").filter("id > 3").count("*").fetchall() == [(6,)]  # a relation is bound before it runs
    con.execute("PREPARE p AS SELECT count(*) FROM 'ds' WHERE id < $1")
    assert con.execute("EXECUTE p(4)").fetchall() == [(4,)]
    with pytest.raises(duckdb.CatalogException):
        con.sql("FROM nowhere.ds").fetchall()


@pytest.mark.parametrize(
    ("query", "is_path"),
    [
        ("FROM x.ds -- FROM 'ds'", False),
        ("FROM x.ds WHERE a = 'ds'", False),
        ("FROM /* 'ds' */ x.DS", False),
        ("FROM x.ds, 'ds'", True),
        ('FROM x.ds JOIN (FROM "ds")', True),
        ("SELECT x.ds FROM v AS x", True),
        ("SELECT 'it''s FROM x.ds' FROM v", True),
        ("FROM x.ds_", True),
        ("", True),
        (None, True),
    ],
)
def test_a_querys_text_tells_a_path_from_a_table(query: str | None, is_path: bool) -> None:
    assert (read_path(query, "ds", "FROM it") == "FROM it") == is_path


def test_what_is_no_dataset_is_left_to_duckdb(shell: Runner) -> None:
    paths = ("'a.csv'", "a.csv", "'nowhere'", "'nowhere@v1'", "nowhere.ds")
    done = shell("COPY (SELECT 1 AS a) TO 'a.csv';\n" + "".join(f"FROM {path};\n" for path in paths))
    assert done.stdout == "1\n1\n"
    assert done.stderr.count("Catalog Error: Table with name") == 3
    assert "space" not in done.stderr


@pytest.mark.parametrize("name", ["x" * 3999, "x" * 5000, "@" * 3999, "/" * 5000, "é@" * 1000, "~/", "~"])
def test_a_name_that_cannot_be_looked_for_is_left_to_duckdb(name: str, opened: Opener) -> None:
    with pytest.raises(duckdb.Error, match="does not exist"):
        opened().execute(f"FROM '{name}'")


def test_a_path_with_quotes_and_ats_is_read(opened: Opener) -> None:
    con = opened()
    for path in ("it's", 'the "best"', "a@b", "größe.日本", "x" * 200):
        con.execute("CALL space_create(?, columns => 'id BIGINT', primary_keys => ['id'])", [path])
        literal = path.replace("'", "''")
        assert con.execute(f"SELECT count(*) FROM '{literal}'").fetchall() == [(0,)]
        assert con.execute(f"SELECT count(*) FROM '{literal}@main'").fetchall() == [(0,)]
        assert con.execute(f"SELECT count(*) FROM './{literal}@0'").fetchall() == [(0,)]
