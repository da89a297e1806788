"""A database that went back in time: what QMS may hold is read back, its answers are found again, the loss is named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_client
from django.apps import apps
from django.db import DatabaseError, OperationalError, ProgrammingError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from calls import jobs
from calls.models import Checkpoint, Gap
from calls.pipeline import restore_guard
from calls.pipeline.consumer import Consumer
from calls.service_workers import Reason
from cti.api import JournalUnavailable, RememberedDatabase, remembered_database, trim_journal
from flags.models import FlagWrite
from tests.journeys.stack import GatewayStack
from tests.journeys.test_one_call import consult, queue_call

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

RESTORED = [model for label in ("calls", "agents", "flags") for model in apps.get_app_config(label).get_models()]


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr("calls.pipeline.restore_guard.COMPARE_INTERVAL", 0.0)
    return GatewayStack()


class Dump:
    """A backup of the rows, as a database's own tool makes it."""

    def __init__(self) -> None:
        self._rows: list[tuple[type[models.Model], list[Any]]] = [
            (model, list(model._default_manager.all())) for model in RESTORED
        ]

    def restore(self, gateway: GatewayStack) -> None:
        with transaction.atomic():
            for model, _ in reversed(self._rows):
                model._default_manager.all()._raw_delete("default")
            for model, rows in self._rows:
                model._default_manager.bulk_create(rows)
        gateway.consumer = Consumer(gateway.source, gateway.now)


@contextmanager
def counted_writes(gateway: GatewayStack) -> Iterator[list[str]]:
    """Note the recording of each WriteFlags that QMS gets."""
    seen: list[str] = []
    write = gateway.qms.write_flags

    def noting(service: str, guid: str, *rest: Any, **options: Any) -> Any:
        seen.append(guid)
        return write(service, guid, *rest, **options)

    gateway.qms.write_flags = noting  # type: ignore[method-assign]
    yield seen
    gateway.qms.write_flags = write  # type: ignore[method-assign]


def works_again(gateway: GatewayStack) -> None:
    """Let the gateway notice, and work until what is read back may be sent."""
    restore_guard.compare(gateway.time)
    for _ in range(8):
        gateway.passes(30)


def flagged_call(gateway: GatewayStack, call_id: str, device_id: str) -> None:
    queue_call(gateway, call_id, device_id)
    gateway.clears(call_id, device_id)
    gateway.passes(1.2)


def unsent_call(gateway: GatewayStack, call_id: str, device_id: str) -> None:
    """Bring a call to its end, and leave its flags queued."""
    queue_call(gateway, call_id, device_id)
    gateway.clears(call_id, device_id)
    gateway.passes_unheard(1.2)
    gateway.fold()


def test_nothing_is_written_twice_and_no_call_is_lost_after_a_restore(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    flagged_call(gateway, "C1", "2001")
    queue_call(gateway, "C2", "2002")
    dump = Dump()
    with counted_writes(gateway) as writes:
        gateway.clears("C2", "2002")
        gateway.passes(1.2)
        flagged_call(gateway, "C3", "2003")
        assert len(writes) == 2

        dump.restore(gateway)
        works_again(gateway)
        assert len(writes) == 2, "what QMS holds was sent again"

    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged"), ("2003", "flagged")]
    assert [len(gateway.flags(extension)) for extension in ("2001", "2002", "2003")] == [1, 1, 1]
    gap = Gap.objects.get()
    assert gap.reason.startswith(restore_guard.WENT_BACK)
    assert restore_guard.REFOLDED in gap.reason


def test_a_leg_that_kept_its_recording_at_a_transfer_keeps_it_when_it_is_folded_again(gateway: GatewayStack) -> None:
    """Before: divided at the transfer, since "the same recording" was no answer that is kept; its write a conflict."""
    restore_guard.compare(gateway.time)
    queue_call(gateway)
    dump = Dump()
    with counted_writes(gateway) as writes:
        consult(gateway)
        gateway.attended_transfer()
        gateway.passes(0.5)
        gateway.passes(12)
        gateway.clears("C1", "2002")
        gateway.passes(1.2)
        assert len(writes) == 2

        dump.restore(gateway)
        works_again(gateway)
        assert len(writes) == 2

    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged"), ("2001", "not_recorded")]
    assert not FlagWrite.objects.exclude(state="written").exists()


def test_a_leg_that_kept_its_recording_keeps_it_also_where_the_transfer_alone_is_folded_again(
    gateway: GatewayStack,
) -> None:
    restore_guard.compare(gateway.time)
    queue_call(gateway)
    consult(gateway)
    dump = Dump()
    with counted_writes(gateway) as writes:
        gateway.attended_transfer()
        gateway.passes(0.5)
        gateway.passes(12)
        gateway.clears("C1", "2002")
        gateway.passes(1.2)

        dump.restore(gateway)
        works_again(gateway)

    assert len(writes) == 2
    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged"), ("2001", "not_recorded")]
    assert not FlagWrite.objects.exclude(state="written").exists()


def test_a_recording_that_qms_did_not_have_is_not_said_to_have_been_asked_too_late(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    dump = Dump()
    gateway.call("Established", "C1", "2001")
    gateway.passes(0.5)
    gateway.passes(12)
    gateway.clears("C1", "2001")
    gateway.passes(1.2)
    assert gateway.outcomes() == [("2001", "not_recorded")]

    dump.restore(gateway)
    works_again(gateway)

    assert gateway.outcomes() == [("2001", "not_recorded")]


def test_a_fold_that_is_committed_while_the_stores_are_compared_is_not_missing(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore_guard.compare(gateway.time)

    def fold_first() -> RememberedDatabase:
        flagged_call(gateway, "C1", "2001")
        return remembered_database()

    monkeypatch.setattr(restore_guard, "remembered_database", fold_first)

    assert not restore_guard.compare(gateway.time)
    assert not Gap.objects.exists()


def test_a_write_that_stands_as_queued_is_read_back_before_it_is_sent(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    unsent_call(gateway, "C1", "2001")
    dump = Dump()
    assert FlagWrite.objects.get().state == "queued"
    with counted_writes(gateway) as writes:
        gateway.passes(1.2)

        dump.restore(gateway)
        works_again(gateway)

    assert len(writes) == 1
    assert FlagWrite.objects.get().state == "written"


def test_a_database_restored_from_before_its_first_fold_is_noticed(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    dump = Dump()
    flagged_call(gateway, "C1", "2001")

    dump.restore(gateway)
    works_again(gateway)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert Gap.objects.count() == 1


def test_what_qms_lacks_is_sent_once_the_doubt_is_over(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    flagged_call(gateway, "C1", "2001")
    unsent_call(gateway, "C2", "2002")
    dump = Dump()
    flagged_call(gateway, "C3", "2003")
    for one in gateway.qms.recordings.values():
        if one.extension == "2002":
            one.flags.clear()

    dump.restore(gateway)
    works_again(gateway)

    assert [bool(flags) for flags in gateway.flags("2002")] == [True]
    assert dict(gateway.outcomes())["2002"] == "flagged"


def test_a_call_after_the_restore_is_not_read_back(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    dump = Dump()
    flagged_call(gateway, "C1", "2001")
    dump.restore(gateway)
    works_again(gateway)

    flagged_call(gateway, "C2", "2002")

    assert dict(gateway.outcomes())["2002"] == "flagged"
    assert FlagWrite.objects.latest("id").unclear_since is None


def test_events_that_the_journal_has_forgotten_are_named(gateway: GatewayStack, redis: redis_client.Redis) -> None:
    restore_guard.compare(gateway.time)
    flagged_call(gateway, "C1", "2001")
    dump = Dump()
    flagged_call(gateway, "C2", "2002")
    redis.xtrim(f"journal:{{{gateway.source.slug}}}", maxlen=0, approximate=False)
    redis.set(f"trimmed:{{{gateway.source.slug}}}", Checkpoint.objects.get().last_id)
    trim_journal(gateway.source.slug, Checkpoint.objects.get().last_id)

    dump.restore(gateway)
    works_again(gateway)

    assert restore_guard.TRIMMED in Gap.objects.get().reason


def test_a_database_that_is_another_puts_all_in_doubt(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    restore_guard.compare(gateway.time)
    unsent_call(gateway, "C1", "2001")
    monkeypatch.setattr(restore_guard, "_identity", lambda: "a promoted replica")
    monkeypatch.setattr(restore_guard, "DATABASE", "SELECT 'a promoted replica'")  # PostgreSQL's way.

    assert restore_guard.compare(gateway.time)

    assert FlagWrite.objects.get().state == "unclear"
    assert not restore_guard.compare(gateway.time)


def test_after_a_long_absence_what_is_queued_is_read_back_first(gateway: GatewayStack) -> None:
    restore_guard.compare(gateway.time)
    unsent_call(gateway, "C1", "2001")

    assert restore_guard.compare(gateway.time + timedelta(minutes=11))

    assert FlagWrite.objects.get().state == "unclear"
    assert not Gap.objects.exists()


def test_where_redis_has_forgotten_the_database_what_is_queued_is_read_back_first(
    gateway: GatewayStack, redis: redis_client.Redis
) -> None:
    """Both may have lost their newest at once: nothing shows then that the database went back."""
    unsent_call(gateway, "C1", "2001")
    redis.flushdb()

    assert restore_guard.compare(gateway.time)
    assert FlagWrite.objects.get().state == "unclear"


@pytest.mark.parametrize("is_sent_before", [True, False])
def test_where_redis_has_forgotten_it_all_what_is_made_again_of_events_given_again_is_read_back_first(
    gateway: GatewayStack, redis: redis_client.Redis, is_sent_before: bool
) -> None:
    """The database went back, Redis forgot that, and the listener gives its latest events once more."""
    restore_guard.compare(gateway.time)
    queue_call(gateway)
    dump = Dump()
    if is_sent_before:
        gateway.clears("C1", "2001")
        gateway.passes(1.2)
    dump.restore(gateway)
    redis.flushdb()
    with counted_writes(gateway) as writes:
        assert restore_guard.compare(gateway.time)
        gateway.clears("C1", "2001")
        gateway.passes(1.2)
        assert writes == []
        for _ in range(8):
            gateway.passes(30)

    assert len(writes) == (0 if is_sent_before else 1)
    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_delivery_waits_while_redis_cannot_say_whether_the_database_went_back(
    gateway: GatewayStack, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(jobs, "deliver_writes", lambda service_id, **_: sent.append(service_id))
    settings.JOURNAL_URL = "redis://127.0.0.1:1/0"

    with pytest.raises(JournalUnavailable):
        jobs.deliver(gateway.service.pk, Reason.WOKEN)

    assert sent == []


def test_an_identity_is_read_by_one_statement_and_part_by_part_where_the_server_refuses_one(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_guard, "DATABASE", "SELECT 'd'")
    monkeypatch.setattr(restore_guard, "SERVER", ("SELECT 's'", "SELECT 't'"))
    monkeypatch.setattr(restore_guard, "_refused", [])
    with CaptureQueriesContext(connection) as statements:
        assert restore_guard._postgresql_identity() == "d-s-t"
    assert len([one for one in statements.captured_queries if "'d'" in one["sql"]]) == 1

    with connection.execute_wrapper(failing(ProgrammingError)):
        assert [restore_guard._postgresql_identity() for _ in range(2)] == ["d-s-unknown"] * 2


def test_a_server_that_does_not_answer_is_not_taken_for_another_one(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that was cancelled leaves a part unknown, which would look like a database that went back."""
    monkeypatch.setattr(restore_guard, "DATABASE", "SELECT 'd'")
    monkeypatch.setattr(restore_guard, "SERVER", ("SELECT 's'", "SELECT 't'"))
    for refused in ([], [True]):
        monkeypatch.setattr(restore_guard, "_refused", refused)
        with connection.execute_wrapper(failing(OperationalError)), pytest.raises(OperationalError):
            restore_guard._postgresql_identity()


def failing(error: type[DatabaseError]) -> Callable[..., Any]:
    """Return what lets every statement fail that asks for the server's last part."""

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "'t'" in sql:
            raise error("refused")
        return execute(sql, params, many, context)

    return run
