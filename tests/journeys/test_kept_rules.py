"""The settings by which a source is folded are made again only where they were changed, and then at once."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import clock
from agents.models import Allocation, QmsUser, UserRefresh
from calls.models import LegStorage
from calls.pipeline.source_rules import KeptRules, Rules
from cti.models import CtiSource
from flags.models import FlagSetting
from qms.models import DataServer, RecordingService
from tests.journeys.stack import GatewayStack

pytestmark = [pytest.mark.django_db, pytest.mark.storage]


@pytest.fixture
def gateway() -> GatewayStack:
    return GatewayStack()


def _kept(gateway: GatewayStack) -> KeptRules:
    kept = KeptRules(gateway.source.pk)
    kept.read()
    return kept


def test_rules_that_nobody_changed_are_the_same_and_cost_one_statement(gateway: GatewayStack) -> None:
    kept = _kept(gateway)

    with CaptureQueriesContext(connection) as asked:
        first, second = kept.read(), kept.read()

    assert first is second
    if connection.vendor == "postgresql":
        assert len(asked) == 2


def _other_options(gateway: GatewayStack) -> None:
    CtiSource.objects.filter(pk=gateway.source.pk).update(options={"settle_ms": 5000})


def _service_off(gateway: GatewayStack) -> None:
    RecordingService.objects.update(enabled=False)


def _longer_window(gateway: GatewayStack) -> None:
    RecordingService.objects.update(guid_window_seconds=25)


def _not_allocated(gateway: GatewayStack) -> None:
    Allocation.objects.all().delete()


def _flag_off(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="QueueName").update(enabled=False)


def _shorter_flag(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="QueueName").update(max_length=7)


def _legs_as_before(gateway: GatewayStack) -> None:
    LegStorage.objects.update(is_compact=False)


def _new_user(gateway: GatewayStack) -> None:
    gateway.users("2077")


def _other_data_server(gateway: GatewayStack) -> None:
    RecordingService.objects.update(data_server=DataServer.objects.create(slug="another"))


def _user_elsewhere_loaded_last(gateway: GatewayStack) -> None:
    UserRefresh.objects.filter(state="running").update(state="done", changed=1)


CHANGES = (
    _other_options,
    _service_off,
    _longer_window,
    _not_allocated,
    _flag_off,
    _shorter_flag,
    _legs_as_before,
    _new_user,
    _other_data_server,
    _user_elsewhere_loaded_last,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_what_was_changed_counts_at_the_next_reading(
    gateway: GatewayStack, change: Callable[[GatewayStack], None]
) -> None:
    LegStorage.objects.update_or_create(pk=1, defaults={"is_compact": True})
    service, began = RecordingService.objects.get(), clock.now()
    UserRefresh.objects.create(service=service, trigger="daily", state="running", started_at=began)
    UserRefresh.objects.create(service=service, trigger="daily", state="done", started_at=began, changed=1)
    kept = _kept(gateway)
    before = kept.read()

    change(gateway)
    after, source = kept.read(), CtiSource.objects.get(pk=gateway.source.pk)

    assert after is not before
    assert after is not None
    anew = Rules.read(source)
    assert (after.specs, after.context.site, after.context.are_legs_compact) == (
        anew.specs,
        anew.context.site,
        anew.context.are_legs_compact,
    )
    assert after.context.directory is anew.context.directory
    assert after.context.services.keys() == anew.context.services.keys()
    assert after.source.options == source.options


def test_rules_of_another_source_may_change_without_notice(gateway: GatewayStack) -> None:
    kept = _kept(gateway)
    before = kept.read()

    CtiSource.objects.create(slug="other", kind="http")

    assert kept.read() is before


def test_a_source_that_was_deleted_has_no_rules(gateway: GatewayStack) -> None:
    kept = _kept(gateway)

    QmsUser.objects.all().delete()
    CtiSource.objects.filter(pk=gateway.source.pk).delete()

    assert kept.read() is None
    assert kept.read() is None


def test_what_changes_while_the_rules_are_read_is_read_at_the_next_time(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, real = KeptRules(gateway.source.pk), Rules.read

    def read_and_changed(source: CtiSource) -> Rules:
        found = real(source)
        FlagSetting.objects.filter(name="QueueName").update(max_length=7)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Rules, "read", read_and_changed)
        kept.read()

    after = kept.read()
    assert after is not None
    assert next(one for one in after.specs if one.name == "QueueName").max_length == 7
