"""A flag is refused a second time by either key of flags, and the keys are exchanged while the gateway works."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from flags.catalogue.values import FlagText
from flags.models import FlagValue, FlagWrite
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.queue import queue_writes
from flags.outbox.value_keys import NARROW, WIDE, are_keys_narrow
from gateway_site.models import InstalledVersion
from qms.models import DataServer, RecordingService

migration = import_module("flags.migrations.0018_narrow_keys")
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.storage]


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(
        slug="qms", data_server=DataServer.objects.create(slug="qms"), url="http://127.0.0.1:1/"
    )


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the keys as a new database has them."""
    yield
    call_command("compact_flag_keys", stdout=StringIO())


def part(service: RecordingService, leg: int, part: str, *names: str) -> NewWrite:
    return NewWrite(
        leg_id=leg,
        source_id=7,
        service_id=service.pk,
        recording_guid="G1",
        part="base" if part == "base" else "wrapup",
        texts=tuple(FlagText(name, "of " + part) for name in names),
        at=NOW,
    )


def standing() -> list[str]:
    """Return which of the two keys of recording and flag there are."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, FlagValue._meta.db_table)
    return sorted(found.keys() & {NARROW, WIDE})


@pytest.mark.parametrize("form", ["narrow", "wide"])
def test_either_key_refuses_a_second_flag_of_a_recording_whatever_its_part(
    service: RecordingService, form: str
) -> None:
    if form == "wide":
        call_command("compact_flag_keys", "--undo", stdout=StringIO())
    assert queue_writes([part(service, 1, "base", "A", "B")]) == []
    (refusal,) = queue_writes([part(service, 1, "wrapup", "B", "C")])
    write = FlagWrite.objects.get()

    assert "B stands on this recording" in refusal.reason
    with pytest.raises(IntegrityError), transaction.atomic():
        FlagValue.objects.create(write=write, recording_guid="G1", name="A", value="other")
    FlagValue.objects.create(write=write, recording_guid="G1", name="a", value="another flag")
    FlagValue.objects.create(write=write, recording_guid="G2", name="A", value="another recording")
    assert FlagValue.objects.count() == 4


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has the wide key alone")
def test_the_keys_are_exchanged_with_flags_in_the_table_and_back_however_often(
    service: RecordingService,
) -> None:
    queue_writes([part(service, 1, "base", "A", "B")])
    assert (standing(), are_keys_narrow(connection)) == ([NARROW], True)
    for _ in range(2):
        call_command("compact_flag_keys", "--undo", stdout=StringIO())
        assert (standing(), are_keys_narrow(connection)) == ([WIDE], False)
    for _ in range(2):
        call_command("compact_flag_keys", stdout=StringIO())
        assert (standing(), are_keys_narrow(connection)) == ([NARROW], True)
    assert FlagValue.objects.count() == 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has the wide key alone")
def test_an_index_left_half_built_is_built_again_before_the_wide_key_goes() -> None:
    call_command("compact_flag_keys", "--undo", stdout=StringIO())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX {NARROW} ON flags_flagvalue (name)")
        cursor.execute("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = %s::regclass", [NARROW])
    call_command("compact_flag_keys", stdout=StringIO())

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [NARROW])
        assert "hashtextextended" in cursor.fetchone()[0]
    assert standing() == [NARROW]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has the wide key alone")
@pytest.mark.parametrize("used_by", ["nobody", "a data server", "an earlier version"])
def test_only_a_new_database_has_the_narrow_key_at_once(used_by: str) -> None:
    call_command("compact_flag_keys", "--undo", stdout=StringIO())
    InstalledVersion.objects.all().delete()
    if used_by == "a data server":
        DataServer.objects.create(slug="qms")
    if used_by == "an earlier version":
        InstalledVersion.objects.create(version="0.2.0", migrated_at=NOW)
    with connection.schema_editor() as editor:
        migration.narrow_new(apps, editor)
    assert are_keys_narrow(connection) == (used_by == "nobody")
    with connection.schema_editor() as editor:
        migration.widen(apps, editor)
    assert standing() == [WIDE]
