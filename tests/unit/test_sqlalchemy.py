"""`space:///folder` in SQLAlchemy, 1.4 and 2: datasets are tables, and nothing is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import space_sql

sa = pytest.importorskip("sqlalchemy", reason="needs the sqlalchemy extra")
pytest.importorskip("duckdb_engine", reason="needs the sqlalchemy extra")
pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's own, of its two lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sqlalchemy")
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        path = {"p": str(root / "ds")}
        con.execute(
            "CALL space_create($p, primary_keys => ['id'], record_fields => ['image'], source => "
            "'SELECT range AS id, range / 7 AS score, ''x''::BLOB AS image FROM range(50)')",
            path,
        )
        con.execute("CALL space_tag($p, 'v1')", path)
        con.execute("CALL space_delete($p, 'id = 40')", path)
        con.execute("CALL space_set_comment($p, 'some rows')", path)
        con.execute("CALL space_set_comment($p, 'how sure', column_name => 'score')", path)
        con.execute(
            "CALL space_materialize($p, $q)", {"p": str(root / 'a/"b" c'), "q": f"FROM space_scan('{root}/ds')"}
        )
    return root


@pytest.fixture
def engine(folder: Path) -> Iterator[Any]:
    yield from made(f"space:///{folder}")


def made(url: str) -> Iterator[Any]:
    from sqlalchemy.dialects import registry

    registry.register("space", "space_sql.hosts.sqlalchemy", "SpaceDialect")
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def test_every_dataset_and_view_is_a_table_with_comments(engine: Any) -> None:
    found = sa.inspect(engine)
    assert found.get_table_names() == ['a/"b" c', "ds"]
    assert found.get_table_comment("ds") == {"text": "some rows"}
    columns = {c["name"]: (str(c["type"]), c["comment"]) for c in found.get_columns("ds")}
    assert columns == {
        "id": ("BIGINT", None),
        "score": ("FLOAT", "how sure"),
        "image_bytes": ("BIGINT", "size in bytes of the record field image"),
    }


def test_reflected_tables_can_be_selected_from(engine: Any) -> None:
    meta = sa.MetaData()
    meta.reflect(bind=engine)
    table = meta.tables["ds"]
    with engine.connect() as con:
        assert con.execute(sa.select(sa.func.count()).where(table.c.id >= 10)).scalar() == 39
        assert len(con.execute(meta.tables['a/"b" c'].select()).fetchall()) == 49


def test_a_version_is_named_in_the_url(folder: Path) -> None:
    for engine in made(f"space:///{folder}?version=v1"):
        with engine.connect() as con:
            assert con.execute(sa.text("SELECT count(*) FROM ds")).scalar() == 50
            assert sa.inspect(engine).get_table_names() == ["ds"]


def test_versions_are_schemas_when_they_are_named(folder: Path) -> None:
    for engine in made(f"space:///{folder}?schemas=v1,0"):
        found = sa.inspect(engine)
        assert found.get_schema_names() == ["main", "0", "v1"]
        assert found.get_table_names(schema="v1") == ["ds"]
        assert found.get_table_names() == ['a/"b" c', "ds"]
        assert found.get_table_comment("ds") == {"text": "some rows"}
        assert found.get_table_comment("ds", schema="v1") == {"text": None}
        assert {c["name"]: c["comment"] for c in found.get_columns("ds", schema="v1")}["score"] is None
        meta = sa.MetaData()
        meta.reflect(bind=engine, schema="v1")
        with engine.connect() as con:
            assert len(con.execute(meta.tables["v1.ds"].select()).fetchall()) == 50
            assert con.execute(sa.text("SELECT count(*) FROM ds")).scalar() == 49
            removed = "SELECT id FROM v1.ds EXCEPT SELECT id FROM ds"
            assert con.execute(sa.text(removed)).fetchall() == [(40,)]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("version=v9", 'no dataset below .* has a version "v9"'),
        ("schemas=v1,v9", 'no dataset below .* has a version "v9"'),
        ("schemas=v1,V1", "different names"),
        ("schemas=Main", "different names"),
        ("schemas=information_schema", "cannot be the name of a schema"),
        ("read_only=perhaps", "read_only=true or false"),
        ("verson=v1", r"takes \?version="),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(folder: Path, asked: str, told: str) -> None:
    with pytest.raises(space_sql.SpaceError, match=told):
        next(made(f"space:///{folder}?{asked}")).connect()
    with pytest.raises(space_sql.SpaceError, match="no folder at"):
        next(made(f"space:///{folder}/nothing")).connect()


def test_engines_of_one_folder_share_what_only_reads(folder: Path) -> None:
    """Superset makes an engine for each query."""
    cursors = []
    for _ in range(2):
        for engine in made(f"space:///{folder}"):
            with engine.connect() as con:
                cursors.append(con.connection.dbapi_connection._space_database)
    assert cursors[0] is cursors[1]


def test_without_read_only_everything_works_and_stays_in_its_engine(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    shutil.copytree(folder / "ds", path)
    for engine in made(f"space:///{tmp_path}?read_only=false"):
        with engine.connect() as con:
            con.execute(sa.text(f"CALL space_delete('{path}', 'id < 10')"))
            assert con.execute(sa.text("SELECT count(*) FROM mine")).scalar() == 39
            assert con.execute(sa.text("SELECT octet_length(image) FROM space_scan(:p) LIMIT 1"), {"p": str(path)})
            con.execute(sa.text("CREATE TABLE notes AS SELECT 1 AS id"))
            assert con.execute(sa.text(f"COPY (FROM mine) TO '{tmp_path}/out.csv'")).fetchall() == [(39,)]
        with engine.connect() as con:
            assert con.execute(sa.text("SELECT id FROM notes")).fetchall() == [(1,)]
        for other in made(f"space:///{tmp_path}?read_only=false"):
            with other.connect() as con, pytest.raises(sa.exc.DBAPIError, match="notes does not exist"):
                con.execute(sa.text("SELECT id FROM notes"))


def test_of_names_that_differ_by_case_only_one_is_shown(tmp_path: Path) -> None:
    with space_sql.connect() as con:
        con.execute("SET VARIABLE space_sync = false")
        for name in ("DS", "ds"):
            con.execute(
                "CALL space_create($p, source => $s, primary_keys => ['id'])",
                {"p": str(tmp_path / name), "s": f"SELECT '{name}' AS id"},
            )
    for engine in made(f"space:///{tmp_path}"):
        assert sa.inspect(engine).get_table_names() == ["DS"]
        with engine.connect() as con:
            assert con.execute(sa.text("SELECT id FROM ds")).fetchall() == [("DS",)]


def test_a_pooled_connection_sees_new_rows_columns_and_datasets_at_once(engine: Any, folder: Path) -> None:
    with engine.connect() as con:
        before = con.execute(sa.text("SELECT count(*) FROM ds")).scalar()
        with space_sql.connect() as writer:
            path = {"p": str(folder / "ds")}
            writer.execute("CALL space_append($p, 'SELECT 1000 + range AS id FROM range(3)')", path)
            assert con.execute(sa.text("SELECT count(*) FROM ds")).scalar() == before + 3
            writer.execute("CALL space_delete($p, 'id >= 1000')", path)
            writer.execute("CALL space_add_column($p, 'note VARCHAR')", path)
            assert con.execute(sa.text("SELECT count(*) FROM ds WHERE note IS NULL")).scalar() == before
            writer.execute("CALL space_drop_column($p, 'note')", path)
            assert con.execute(sa.text("SELECT count(*) FROM ds")).scalar() == before
            new = {"p": str(folder / "new")}
            writer.execute("CALL space_create($p, source => 'SELECT 1 AS id', primary_keys => ['id'])", new)
            assert con.execute(sa.text("SELECT id FROM new")).fetchall() == [(1,)]
        shutil.rmtree(folder / "new")
        with pytest.raises(sa.exc.DBAPIError, match=r"new does not exist|not-found"):
            con.execute(sa.text("SELECT id FROM new"))


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{root}/x.csv'",
        "WITH a AS (COPY (SELECT 1) TO '{root}/x.csv') FROM a",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/x.csv'",
        "CALL space_delete('ds', 'true')",
        "FROM space_delete('ds', 'true')",
        "SELECT 1; DROP VIEW ds",
        "FROM read_text('/etc/passwd')",
        "SET enable_external_access = true",
        "ATTACH '{root}/x.duckdb'",
    ],
)
def test_what_writes_or_leaves_the_folder_is_refused(engine: Any, folder: Path, statement: str) -> None:
    with engine.connect() as con:
        with pytest.raises(Exception, match=r"read-only|only statements that read|does not exist|Permission|CTE"):
            con.execute(sa.text(statement.format(root=folder))).fetchall()
        assert con.execute(sa.text("SELECT count(*) FROM ds")).scalar() == 49
    assert not list(folder.glob("x.*"))
