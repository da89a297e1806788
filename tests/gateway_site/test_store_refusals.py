"""A database or Redis that cannot be used is a sentence at the prompt; an error of the program keeps its traceback."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from redis import Redis

import manage
from cti.journal.stream import JournalUnavailable, translated
from devtools.servers import free_port
from gateway_site.ops.store_refusals import sentence


def refused(query: str) -> DatabaseError:
    with connection.cursor() as cursor, pytest.raises((OperationalError, ProgrammingError)) as raised:
        cursor.execute(query)
    return raised.value


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["SELECT 1 FROM nowhere", "SELECT nowhere FROM django_migrations"])
def test_a_missing_table_or_column_leads_to_migrate(query: str) -> None:
    assert sentence(refused(query)).endswith("Bring it up to date: ./gateway manage migrate")


@pytest.mark.django_db
def test_a_mistake_in_a_query_is_not_explained_away() -> None:
    assert sentence(refused("SELEKT 1")) == ""


def test_a_server_that_is_away_is_named_with_its_setting() -> None:
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect("host=127.0.0.1 port=1 user=x connect_timeout=2")

    assert sentence(OperationalError(str(raised.value))).startswith("DATABASE_URL: the database does not answer (conn")


def locked(folder: Path) -> OperationalError:
    """Return what a command gets whose database another program holds."""
    with (
        closing(sqlite3.connect(folder / "db", isolation_level=None)) as holder,
        closing(sqlite3.connect(folder / "db", isolation_level=None, timeout=0)) as other,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as raised:
            other.execute("BEGIN IMMEDIATE")
    return OperationalError(str(raised.value))


def redis_away() -> JournalUnavailable:
    """Return what a command gets that reads the journal without Redis."""
    with pytest.raises(JournalUnavailable) as raised, translated():
        Redis(port=free_port()).ping()
    return raised.value


def test_a_locked_database_is_a_sentence(tmp_path: Path) -> None:
    assert sentence(locked(tmp_path)).startswith("The database is busy: another program holds it (database is locked).")


def test_a_redis_that_is_away_is_a_sentence_whoever_translated_its_error() -> None:
    error = redis_away()

    assert error.__cause__ is not None
    for one in (error, error.__cause__):
        assert sentence(one).startswith("REDIS_URL: Redis cannot be used (Error 111 connecting to")


def test_an_error_of_the_program_has_no_sentence() -> None:
    assert sentence(ValueError("no redis")) == ""


def run_manage(monkeypatch: pytest.MonkeyPatch, error: BaseException, *words: str) -> None:
    def fails(utility: object) -> None:
        raise error

    monkeypatch.setattr("manage.TypedUtility.execute", fails)
    monkeypatch.setattr("sys.argv", ["manage.py", "canary", *words])
    manage.main()


def test_a_command_whose_store_cannot_be_used_ends_with_one_line_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (locked(tmp_path), redis_away()):
        with pytest.raises(SystemExit) as ended:
            run_manage(monkeypatch, error)
        assert ended.value.code == 1
        assert capsys.readouterr().err.startswith("gateway: ")
    with pytest.raises(OperationalError):
        run_manage(monkeypatch, locked(tmp_path), "--traceback")
    with pytest.raises(ValueError, match="a defect"):
        run_manage(monkeypatch, ValueError("a defect"))


def test_a_command_that_a_person_stops_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_manage(monkeypatch, KeyboardInterrupt())

    assert (ended.value.code, capsys.readouterr().err) == (130, "gateway: stopped\n")


def test_a_command_whose_output_nobody_reads_any_more_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after ``| head``; a connection that breaks elsewhere is a defect."""
    read, written = os.pipe()
    with os.fdopen(written, "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        with pytest.raises(BrokenPipeError):
            run_manage(monkeypatch, BrokenPipeError())
        os.close(read)
        monkeypatch.setattr("manage.TypedUtility.execute", lambda _: output.write("a line"))
        with pytest.raises(SystemExit) as ended:
            manage.main()
        assert ended.value.code == 141


def test_usage_lines_name_a_command_as_it_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TYPED_COMMAND", "./gateway manage")
    with pytest.raises(SystemExit):
        manage.TypedUtility(["manage.py", "canary", "--help"]).execute()
    assert capsys.readouterr().out.startswith("usage: ./gateway manage canary ")
