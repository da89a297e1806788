"""Code of its own for PostgreSQL is judged on SQLite and then, where nothing was noticed, on PostgreSQL."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from devtools.mutation import run as runs
from devtools.mutation.__main__ import main
from devtools.mutation.choice import mutants
from devtools.mutation.databases import Databases, PostgresqlCopy
from devtools.mutation.source import Source
from devtools.mutation.tables import TestMapping
from devtools.mutation.vendors import POSTGRESQL, SQLITE, Vendor, vendors_of
from tests.devtools.mutation.sample import Project, make

SWITCH = "GATEWAY_TEST_POSTGRESQL"

STORE = '''"""A store."""


def claim(vendor, count):
    """Claim rows in the words of the database."""
    if vendor == "postgresql":
        return count + 1
    return count + 2


def other(count):
    """Nobody tests it."""
    return count + 3
'''

STORE_TESTS = """import os

import pytest

from shop.store import claim

IS_SECOND = "GATEWAY_TEST_POSTGRESQL" in os.environ


@pytest.mark.storage
def test_rows_are_claimed():
    assert claim("postgresql" if IS_SECOND else "sqlite", 1) == (2 if IS_SECOND else 3)


def test_of_no_database():
    assert not IS_SECOND
"""


@pytest.mark.parametrize(
    ("text", "vendors"),
    [
        ('x = connection.vendor == "postgresql"', (SQLITE, POSTGRESQL)),
        ("rows.select_for_update(skip_locked=True)", (SQLITE, POSTGRESQL)),
        ("# postgresql", (SQLITE,)),
        ('"""Rows of postgresql."""', (SQLITE,)),
        ("x = 1", (SQLITE,)),
    ],
)
def test_a_file_that_asks_for_postgresql_or_locks_rows_is_judged_on_both(
    text: str, vendors: tuple[Vendor, ...]
) -> None:
    assert vendors_of(Source("shop/store.py", text.encode())) == vendors


@pytest.mark.parametrize(
    ("words", "narrowed"),
    [
        (("tests",), ("tests", "-m", "storage")),
        (("tests", "-m", "not slow", "-x"), ("tests", "-m", "(not slow) and storage", "-x")),
    ],
)
def test_on_postgresql_only_the_tests_of_storage_run_again(words: tuple[str, ...], narrowed: tuple[str, ...]) -> None:
    assert POSTGRESQL.narrowed(words) == narrowed
    assert SQLITE.narrowed(words) == words


def test_each_database_is_started_whatever_the_prompts_environment_says() -> None:
    assert SQLITE.environment({SWITCH: "1", "A": "b"}) == {"A": "b"}
    assert POSTGRESQL.environment({"A": "b"}) == {"A": "b", SWITCH: "1"}


@pytest.mark.nightly
def test_what_one_database_does_not_notice_the_other_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "has_postgresql", lambda: True)
    found = _servers(_with_store(tmp_path / "project"))

    assert found["return count + 1", "arithmetic"] == "killed, warm, PostgreSQL"
    assert found["return count + 2", "arithmetic"] == "killed, warm"
    assert found["return count + 3", "arithmetic"] == "survived, warm, PostgreSQL"


@pytest.mark.parametrize(("has_postgresql", "vendors"), [(True, (SQLITE, POSTGRESQL)), (False, (SQLITE,))])
def test_where_postgresql_is_not_installed_its_code_is_judged_on_sqlite_alone_and_that_is_said(
    has_postgresql: bool, vendors: tuple[Vendor, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "has_postgresql", lambda: has_postgresql)
    source, said = Source("shop/store.py", STORE.encode()), list[str]()
    order = runs.Order(root=tmp_path, paths=[], mapping=TestMapping(()), tests=("tests",))

    (group,) = runs.groups(order, [source], list(mutants(source)), said.append)

    assert group.vendors == vendors
    assert bool(said) is not has_postgresql


def _with_store(folder: Path) -> Project:
    project = make(folder)
    project.write("shop/store.py", STORE)
    project.write("tests/test_store.py", STORE_TESTS)
    project.write("pytest.ini", "[pytest]\nmarkers = storage\n")
    return project


def _servers(project: Project) -> dict[tuple[str, str], str]:
    reported = project.root.parent / "reported.json"
    place = ["--root", str(project.root), "--tables", str(project.root), "--json", str(reported)]
    assert main(["shop/store.py", *place, "--quick", "--tests", "tests/test_store.py"]) == 0
    mutants: list[dict[str, Any]] = json.loads(reported.read_bytes())["mutants"]
    return {(one["line"], one["kind"]): f"{one['fate']}, {one['server']}" for one in mutants}


@pytest.mark.storage
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has copies")
def test_a_copy_puts_back_what_a_test_left_behind_and_whoever_is_connected() -> None:
    reached: dict[str, Any] = {**connection.get_connection_params(), "dbname": "postgres"}
    name = "test_of_copies"
    own = {**reached, "dbname": name}
    with psycopg.connect(**reached, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(**own, autocommit=True) as first:
            first.execute("CREATE TABLE kept AS SELECT 1 AS row")
        copy = PostgresqlCopy(connection, name)
        with psycopg.connect(**own, autocommit=True) as held:
            held.execute("DELETE FROM kept")
            copy.restore()
        with psycopg.connect(**own) as again:
            assert again.execute("SELECT count(*) FROM kept").fetchone() is not None
            assert [*again.execute("SELECT * FROM kept")] == [(1,)]
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"DROP DATABASE kept_{name}")


def test_a_database_is_kept_as_it_was_when_it_was_first_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last tests of a run empty the tables, and with them what the migrations put there."""
    place = tmp_path / "tests.sqlite3"
    place.write_text("rows")
    monkeypatch.setattr("devtools.mutation.databases._connections", lambda: [_Connection(str(place))])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    databases = Databases()
    databases.keep()
    place.write_text("")
    databases.keep()
    databases.restore()

    assert place.read_text() == "rows"


class _Connection:
    vendor = "sqlite"

    def __init__(self, name: str) -> None:
        self.settings_dict = {"NAME": name}

    def close(self) -> None:
        """Nothing is open."""
