"""Whatever a recorder answers, however long: it is kept, cut or refused where it is read, on both databases.

Run with ``GATEWAY_TEST_POSTGRESQL=1`` for PostgreSQL, which refuses what is longer than its column; SQLite keeps it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import models

from agents.models import QmsUser, RefreshState, Trigger, UserRefresh
from agents.users.refresh import begin_refresh, load
from flags.models import FlagOnServer, FlagWrite
from flags.provisioning.create import create_flags
from qms import health
from qms.connection_tests import progress, request_connection_test, run_connection_test
from qms.models import ConnectionTest, DataServer, RecordingService, ServiceHealth
from qms.port import (
    Flag,
    FlagDefinition,
    Licence,
    ListedUser,
    QmsError,
    QmsRejected,
    QmsUnclear,
    Recording,
    ServiceInfo,
    UnreadableUser,
)
from tests.flags.qms import Line, Post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.storage]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG = "Ä" * 70_000


def assert_fits(*rows: models.Model) -> None:
    """See that every text of the rows fits its column: SQLite would keep more."""
    for row in rows:
        for field in row._meta.concrete_fields:
            value = getattr(row, field.attname)
            if isinstance(field, models.CharField) and isinstance(value, str) and field.max_length:
                assert len(value) <= field.max_length, f"{type(row).__name__}.{field.name}"


class LongUsers:
    """A recorder whose every text is too long."""

    def users(self) -> Iterator[ListedUser | UnreadableUser]:
        """Yield users with long texts in every field, and one that is fine."""
        texts = (
            "user_name",
            "first_name",
            "last_name",
            "extension",
            "recording_service",
            "agent_id",
            "department_name",
        )
        usual: dict[str, Any] = dict.fromkeys(texts, "x") | {"active": True, "licence": Licence.UNLIMITED}
        for number, name in enumerate(texts):
            yield ListedUser(user_id=f"u{number}", **{**usual, name: LONG})
        yield ListedUser(user_id=LONG, **usual)
        yield UnreadableUser(LONG, LONG)
        yield ListedUser(user_id="good", **usual)


@pytest.fixture
def service() -> RecordingService:
    server = DataServer.objects.create(slug="main")
    return RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:1/")


def test_users_of_any_length_load(service: RecordingService) -> None:
    refresh = load(begin_refresh(service.pk, Trigger.COMMAND).pk, LongUsers())

    assert (refresh.state, refresh.unreadable) == (RefreshState.DONE, 1)
    assert "1 user was left out" in refresh.error
    assert QmsUser.objects.filter(user_id="good").exists()
    assert_fits(*QmsUser.objects.all(), *UserRefresh.objects.all())


@pytest.mark.parametrize("length", [0, 129, 70_000])
def test_a_recording_that_the_database_cannot_hold_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 128 characters"):
        Recording("G" * length, "2001", NOW)
    with pytest.raises(ValueError, match="no offset"):
        Recording("G", "2001", NOW.replace(tzinfo=None))


@pytest.mark.parametrize("error", [QmsRejected, QmsUnclear, QmsError])
def test_errors_of_any_length_end_a_write_and_are_noted(error: type[QmsError]) -> None:
    post = Post()
    key = post.queues()
    post.qms.meets("write", error(LONG, code="C" * 500))
    post.delivers()

    row = FlagWrite.objects.get(pk=key)
    assert row.error.startswith("Ä")
    assert_fits(row)
    health.mark_failed(post.service.pk, QmsUnclear(LONG, code="C" * 500), NOW)
    assert_fits(*ServiceHealth.objects.all())


class LongFlags(Line):
    """A recorder that lists and refuses flags in long words."""

    def flag_definitions(self) -> list[FlagDefinition]:
        """List a flag of a long name, and one of an enormous length."""
        return [FlagDefinition(LONG, 2**40, LONG), FlagDefinition("AgentId", 2**40, LONG)]

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Refuse."""
        raise QmsRejected(LONG, code="C" * 500)

    def flags(self, guid: str) -> list[Flag]:
        """Carry a flag of a long name and value."""
        return [Flag(LONG, LONG), Flag("AgentId", LONG)]

    def service_info(self) -> ServiceInfo:
        """Say who answers, at length."""
        return ServiceInfo(LONG, LONG, LONG, (LONG,))


def test_flag_definitions_of_any_length_are_compared() -> None:
    post = Post()
    creation = create_flags(post.service.data_server, lambda _: LongFlags(post.qms))

    assert not creation.is_good
    assert_fits(*FlagOnServer.objects.all())


def test_flags_of_any_length_that_a_recording_carries_are_a_conflict() -> None:
    post = Post()
    post.lines = lambda _: LongFlags(post.qms)
    key = post.queues()
    post.qms.meets("write", QmsUnclear("lost"))
    post.delivers()
    post.delivers(2)

    assert post.answers(key) == ("conflict", "FlagAlreadyWritten")
    assert_fits(FlagWrite.objects.get(pk=key))


def test_a_guid_of_128_characters_is_kept_in_every_table() -> None:
    post = Post()
    guid = "{" + "G" * 126 + "}"
    key = post.queues(guid=guid)
    post.time += timedelta(seconds=61)
    post.delivers()

    row = FlagWrite.objects.get(pk=key)
    assert (row.recording_guid, row.values.get().recording_guid, row.state) == (guid, guid, "gone")


def test_a_test_of_the_connection_keeps_any_answer(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post("rs2")

    class Adapter(LongFlags):
        clock_offset_seconds = None

        def checks(self) -> list[Any]:
            return []

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr("qms.connection_steps.new_adapter", lambda _: Adapter(post.qms))
    monkeypatch.setattr("qms.connection_tests.current_app.send_task", lambda *_, **__: None)
    assert request_connection_test(service, "ann", NOW)
    run_connection_test(service.pk, 1)

    assert ConnectionTest.objects.get(service=service).done_at is not None
    assert progress(service, NOW) is not None
