"""The command line, as a user runs it: real processes, their output and their exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import space_sql

ROOT = Path(space_sql.__file__).parent.parent
BOXES = ROOT / "tests/data/label_studio/boxes"
TRUTH = json.loads((BOXES / "changes_v1_v2.json").read_text())["tasks"]
MODIFIED = sorted(
    TRUTH["updated_content"] + TRUTH["resaved_but_same_content"] + TRUTH["raw_json_differs_only_in_draft_created_ago"]
)


def space(folder: Path, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "space_sql.cli", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )


def output(folder: Path, *arguments: str, **options: str) -> str:
    done = space(folder, *arguments, **options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def error(folder: Path, *arguments: str) -> str:
    done = space(folder, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the quickstart ran, and what it printed."""
    folder = tmp_path_factory.mktemp("quickstart")
    return folder, output(folder, "quickstart")


def test_the_installed_command_is_the_module() -> None:
    command = shutil.which("space-sql", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the package is not installed in this environment")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"space-sql {space_sql.__version__} (DuckDB ")


@pytest.mark.parametrize("command", [(), ("quickstart",), ("sql",), ("log",), ("diff",)], ids=" ".join)
def test_help_shows_an_example(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert " ".join(["space-sql", *command]) in output(tmp_path, *command, "--help")


def test_each_statement_prints_its_result(tmp_path: Path) -> None:
    assert output(tmp_path, "sql", "SELECT 1 AS one; CREATE TABLE t AS SELECT 'b' AS two; FROM t; SET threads = 1") == (
        "one\n───\n  1\ntwo\n───\nb\n"
    )


def test_a_file_and_standard_input_run_alike(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- a comment\nSELECT 'ü' AS letter;\n")
    from_file = output(tmp_path, "sql", "-f", "a.sql")
    assert from_file == "letter\n──────\nü\n"
    assert output(tmp_path, "sql", "-f", "-", stdin="SELECT 'ü' AS letter") == from_file


def test_a_database_file_keeps_what_was_written(tmp_path: Path) -> None:
    output(tmp_path, "sql", "--database", "a.db", "CREATE TABLE t AS SELECT 1 AS i")
    assert output(tmp_path, "sql", "--database", "a.db", "FROM t", "--format", "csv") == "i\n1\n"


VALUES = "SELECT 1 AS i, NULL AS n, '' AS e, 'a,\"b\"|\nc' AS s, {'k': [1.5::DECIMAL(3, 1), NULL]} AS d"


def test_csv_quotes_what_needs_it(tmp_path: Path) -> None:
    written = output(tmp_path, "sql", VALUES, "--format", "csv")
    assert written == "i,n,e,s,d\n" + '1,,"","a,""b""|\nc","{\'k\': [1.5, NULL]}"\n'
    assert next(csv.DictReader(io.StringIO(written)))["s"] == 'a,"b"|\nc'


def test_json_nests(tmp_path: Path) -> None:
    written = output(tmp_path, "sql", f"{VALUES}; SELECT 1 WHERE false", "--format", "json")
    first, second = written.split("\n[", 1)
    assert json.loads(first) == [{"i": 1, "n": None, "e": "", "s": 'a,"b"|\nc', "d": {"k": ["1.5", None]}}]
    assert json.loads("[" + second) == []


def test_json_holds_json_columns_as_they_are(tmp_path: Path) -> None:
    written = output(tmp_path, "sql", """SELECT '{"a": [1]}'::JSON AS j, 'nan'::DOUBLE AS x""", "--format", "json")
    assert json.loads(written) == [{"j": {"a": [1]}, "x": "nan"}]


def test_markdown_escapes_its_bars(tmp_path: Path) -> None:
    assert output(tmp_path, "sql", "SELECT 'a|b' AS s, NULL AS n", "--format", "markdown") == (
        "| s | n |\n| --- | --- |\n| a\\|b | NULL |\n"
    )


def test_a_table_fits_the_terminal(tmp_path: Path) -> None:
    sql = f"SELECT * FROM read_json('{BOXES / 'v1.json'}')"
    for columns in (40, 80, 200):
        lines = output(tmp_path, "sql", sql, COLUMNS=str(columns)).splitlines()
        assert max(map(len, lines[:-1])) <= columns
    assert "…" in lines[2]
    assert lines[-1] == "(the first 40 rows; --format csv writes all)"


def test_a_pipe_gets_no_colours_and_no_control_characters(tmp_path: Path) -> None:
    written = output(tmp_path, "sql", "SELECT 'a' || chr(27) || '[31m' || chr(10) AS s, NULL AS n, '[red]x' AS m")
    assert "\x1b" not in written
    assert "a\\x1b[31m\\n  NULL  [red]x" in written


def test_a_reader_that_stops_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m space_sql.cli sql 'FROM range(1000000)' --format csv | head -1"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (done.stdout, done.stderr) == ("range\n", "")


def test_an_error_of_ours_is_one_clean_line(tmp_path: Path) -> None:
    for call in ("FROM space_scan('nothing')", "CALL space_tag('nothing', 'v1')"):
        line = error(tmp_path, "sql", call)
        assert line.startswith("error: not-found: ")
        assert "nothing" in line
        assert line.count("\n") == 1


def test_an_error_of_duckdb_is_one_clean_line(tmp_path: Path) -> None:
    assert error(tmp_path, "sql", "SELEC 1") == 'error: Parser Error: syntax error at or near "SELEC"\n'
    assert error(tmp_path, "sql", "SELECT nope FROM range(3)") == (
        'error: Binder Error: Referenced column "nope" not found in FROM clause! Candidate bindings: "range"\n'
    )
    assert error(tmp_path, "sql", "--database", "none/a.db", "SELECT 1").startswith("error: IO Error: Cannot open")


def test_results_before_an_error_are_shown(tmp_path: Path) -> None:
    done = space(tmp_path, "sql", "SELECT 1 AS one; SELECT nope")
    assert done.returncode == 1
    assert done.stdout == "one\n───\n  1\n"


@pytest.mark.parametrize(
    "arguments", [("sql",), ("sql", "SELECT 1", "-f", "a.sql"), ("sql", "-f", "none.sql"), ("nope",)]
)
def test_wrong_usage_says_how_to_go_on(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    done = space(tmp_path, *arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_the_quickstart_finds_the_documented_differences(quickstart: tuple[Path, str]) -> None:
    _, printed = quickstart
    assert f"added         {len(TRUTH['inserted'])}\n" in printed
    assert f"modified      {len(MODIFIED)}\n" in printed
    assert f"removed        {len(TRUTH['deleted'])}\n" in printed


def test_the_quickstart_shows_its_statements_history_and_a_histogram(quickstart: tuple[Path, str]) -> None:
    folder, printed = quickstart
    script = (folder / "space-quickstart/quickstart.sql").read_text()
    for line in script.splitlines():
        assert line.removeprefix("-- ") in printed
    assert "first export" in printed
    assert "nine      34  ██████████████████████████████████\n" in printed
    shown, _, what_next = printed.partition("What next:")
    assert "space-sql diff space-quickstart/boxes v1 v2" in what_next
    assert max(map(len, shown.splitlines())) <= 80


def test_the_quickstart_starts_over_and_leaves_strangers_alone(tmp_path: Path) -> None:
    output(tmp_path, "quickstart", "--path", "it's")
    output(tmp_path, "quickstart", "--path", "it's")
    output(tmp_path, "quickstart", "--path", "it's", "--keep")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["it's", "it's-2"]
    (tmp_path / "it's" / "mine.txt").touch()
    done = space(tmp_path, "quickstart", "--path", "it's")
    assert done.returncode == 2
    assert "--path space-quickstart-2" in done.stderr
    assert (tmp_path / "it's" / "boxes").exists()


def test_the_quickstart_script_runs_as_it_stands(quickstart: tuple[Path, str]) -> None:
    folder, _ = quickstart
    again = folder / "again"
    shutil.copytree(folder / "space-quickstart", again / "space-quickstart")
    shutil.rmtree(again / "space-quickstart/boxes")
    assert "histogram" in output(again, "sql", "-f", "space-quickstart/quickstart.sql")


def test_log_lists_the_snapshots_newest_first(quickstart: tuple[Path, str]) -> None:
    folder, _ = quickstart
    lines = output(folder, "log", "space-quickstart/boxes").splitlines()
    assert lines[0].split() == ["id", "time", "branch", "operation", "rows", "tags", "message"]
    found = [" ".join(line.split()) for line in lines[2:]]
    assert [line.split()[0] for line in found] == ["4", "3", "2", "1", "0"]
    assert found[1].endswith("main delete -5 v2 gone from the export")
    assert found[2].endswith(f"main upsert +10 ~{len(MODIFIED)} second export")
    assert found[4].endswith("main create +110 v1 first export")
    assert max(map(len, lines)) <= 80
    assert len(output(folder, "log", "space-quickstart/boxes", "-n", "1").splitlines()) == 3


def test_diff_names_the_changed_columns(quickstart: tuple[Path, str]) -> None:
    folder, _ = quickstart
    lines = output(folder, "diff", "space-quickstart/boxes", "v1", "v2", COLUMNS="200").splitlines()
    assert lines[0].split() == ["diff_type", "id", "columns"]
    assert [line.split() for line in lines[2:12]] == [["added", str(key)] for key in sorted(TRUTH["inserted"])]
    assert lines[12].split()[:3] == ["modified", str(MODIFIED[0]), "annotations,"]


def test_diff_counts(quickstart: tuple[Path, str]) -> None:
    folder, _ = quickstart
    counts = output(folder, "diff", "space-quickstart/boxes", "v1", "v2", "--stat").splitlines()[2:]
    assert [line.split() for line in counts] == [["added", "10"], ["modified", str(len(MODIFIED))], ["removed", "5"]]
    columns = output(folder, "diff", "space-quickstart/boxes", "v1", "v2", "--columns").splitlines()[2:]
    changed = {name: int(rows) for name, rows in (line.split() for line in columns)}
    assert changed["updated_at"] <= len(MODIFIED)
    assert "id" not in changed


def test_an_unknown_dataset_is_one_clean_line_in_every_command(tmp_path: Path) -> None:
    for arguments in (("log", "nothing"), ("diff", "nothing", "a", "b"), ("diff", "nothing", "a", "b", "--stat")):
        assert error(tmp_path, *arguments).startswith("error: not-found: ")
