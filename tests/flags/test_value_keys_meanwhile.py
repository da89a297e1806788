"""The keys of flags are exchanged beside the work, on PostgreSQL: beside long transactions, writers and other runs."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from pytest_django import Settings

from flags.catalogue.values import FlagText
from flags.models import FlagValue
from flags.outbox import value_keys
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.queue import QueueRefusal, queue_writes
from flags.outbox.value_keys import NARROW, NUMBER, WIDE, are_keys_narrow, narrow_keys, widen_keys
from qms.models import DataServer, RecordingService

migration = import_module("flags.migrations.0018_narrow_keys")
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SECONDS = 4
pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has the wide key alone"),
]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Begin with the wide keys, as a database that 0.2.0 has used; leave them as a new database has them."""
    widen_keys(connection, _silent)
    yield
    narrow_keys(connection, _silent)


def _silent(_: str) -> None: ...


@contextmanager
def _other_processes() -> Iterator[Callable[[Callable[[], Any]], "Future[Any]"]]:
    """Give what begins an act with a connection of its own."""

    def acting(act: Callable[[], object]) -> object:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        yield lambda act: pool.submit(acting, act)


@contextmanager
def _old_transaction() -> Iterator[None]:
    """Hold up whoever builds an index beside the work: its last step waits for what was begun before."""
    with transaction.atomic():
        _asked("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _asked("SELECT 1")
        yield


def _asked(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone() if cursor.description else None


def _await(text: str) -> Any:
    """Wait until a statement gives a row, and return it."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if row := _asked(text):
            return row
        time.sleep(0.005)
    return pytest.fail(f"in vain: {text}")


def _await_building(seconds: float = 0.0) -> int:
    """Wait until an index waits for the old transaction, for this time or more; return the process that builds it."""
    (pid,) = _await(
        "SELECT pid FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted"
        f" AND clock_timestamp() - waitstart >= interval '{seconds} s'"
    )
    return int(pid)


def _standing() -> dict[str, bool]:
    """Return the keys that there are, and whether each is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.relname, x.indisvalid FROM pg_class AS i JOIN pg_index AS x ON x.indexrelid = i.oid"
            " WHERE x.indrelid = 'flags_flagvalue'::regclass AND x.indisunique"
        )
        return dict(cursor.fetchall())


def _narrowed() -> None:
    narrow_keys(connection, _silent)


def test_a_key_is_built_for_longer_than_other_statements_may_take() -> None:
    def within_limits() -> None:
        _asked("SET statement_timeout = '100ms'")
        _asked("SET lock_timeout = '100ms'")
        _narrowed()

    with _other_processes() as begin:
        with _old_transaction():
            ended = begin(within_limits)
            _await_building(0.15)
        ended.result(SECONDS)
    assert _standing() == {NARROW: True}


def test_a_building_that_is_cancelled_leaves_nothing_half_built() -> None:
    with _other_processes() as begin, _old_transaction():
        ended = begin(_narrowed)
        _asked(f"SELECT pg_cancel_backend({_await_building()})")
        with pytest.raises(OperationalError, match="cancel"):
            ended.result(SECONDS)
    assert _standing() == {WIDE: True, NUMBER: True}


def test_a_second_run_leaves_the_key_that_the_first_is_building() -> None:
    with _other_processes() as begin:
        with _old_transaction():
            first = begin(_narrowed)
            _await_building()
            (oid,) = _asked(f"SELECT '{NARROW}'::regclass::oid")
            second = begin(_narrowed)
            _await("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'flags_flagvalue'::regclass")
        first.result(SECONDS)
        second.result(SECONDS)
    assert _standing() == {NARROW: True}
    assert _asked(f"SELECT '{NARROW}'::regclass::oid") == (oid,)


@pytest.mark.parametrize("words", [(), ("--undo",)])
def test_a_key_stands_until_the_other_is_seen_whole(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    if words:
        _narrowed()
    before = _standing()
    with monkeypatch.context() as patch:
        patch.setattr(value_keys, "_build", lambda *_: None)  # As if another run had dropped it at once.
        with pytest.raises(CommandError, match="another run"):
            call_command("compact_flag_keys", *words, stdout=StringIO())
    assert _standing() == before


def test_a_migration_is_taken_back_from_where_an_exchange_has_stopped() -> None:
    _narrowed()
    _asked(f"CREATE UNIQUE INDEX {WIDE} ON flags_flagvalue (name)")
    _asked(f"UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = '{WIDE}'::regclass")
    with connection.schema_editor() as editor:
        migration.widen(apps, editor)
    assert _standing() == {WIDE: True, NUMBER: True}
    assert "recording_guid, name" in _asked(f"SELECT pg_get_indexdef('{WIDE}'::regclass)")[0]


def test_a_key_of_the_same_name_in_another_schema_is_none_of_these() -> None:
    _narrowed()
    try:
        _asked("CREATE SCHEMA elsewhere CREATE TABLE one (a int)")
        _asked(f"CREATE UNIQUE INDEX {WIDE} ON elsewhere.one (a)")
        assert are_keys_narrow(connection)
    finally:
        _asked("DROP SCHEMA elsewhere CASCADE")


def test_behind_a_pooler_the_keys_stay(settings: Settings) -> None:
    settings.DATABASE_POOLER = "transaction"
    with pytest.raises(CommandError, match="PgBouncer"):
        call_command("compact_flag_keys", stdout=StringIO())
    assert not are_keys_narrow(connection)


def test_two_that_queue_the_same_flags_while_a_key_is_built_queue_them_once() -> None:
    service = RecordingService.objects.create(
        slug="qms", data_server=DataServer.objects.create(slug="qms"), url="http://127.0.0.1:1/"
    )

    def queued(leg: int) -> list[QueueRefusal]:
        texts = (FlagText("A", str(leg)), FlagText("B", str(leg)))
        return queue_writes(
            [
                NewWrite(
                    leg_id=leg,
                    source_id=leg,
                    service_id=service.pk,
                    recording_guid="G1",
                    part="base",
                    texts=texts,
                    at=NOW,
                )
            ]
        )

    with _other_processes() as begin:
        with _old_transaction():
            built = begin(_narrowed)
            _await_building()
            refused = [begin(lambda leg=leg: queued(leg)) for leg in (1, 2)]  # type: ignore[misc]
            assert sorted(len(one.result(SECONDS)) for one in refused) == [0, 1]
        built.result(SECONDS)
    assert FlagValue.objects.count() == 2
    assert _standing() == {NARROW: True}
