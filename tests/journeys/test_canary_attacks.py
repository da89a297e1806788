"""Attacks on canary calls: settings saved meanwhile, a transfer, a lost link, shadow mode, a slow QMS, old rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import redis as redis_client
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from agents.models import QmsUser
from calls.models import HourlyCount, Leg
from cti.journal.call_requests import CallReport
from cti.models import CtiSource
from gateway_site.alarms.conditions import find
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin_due, forget_old
from gateway_site.canary.standing import standings
from gateway_site.canary.steps import MAXIMUM_SECONDS, TIMEOUTS, CanaryStep, CanaryVerdict
from qms.models import RecordingService
from qms.port import Flag, QmsUnclear, RecordingServicePort
from tests.journeys.canaries import TEST_PHONE, CanaryStack, RealCanaryStack, red, verdicts

pytestmark = pytest.mark.django_db
LOST = CallReport(text="The link to the PBX was lost while the call was made.", todo="See the page of the source.")


@pytest.fixture
def fast(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let searches look again at once: the clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)


@pytest.fixture
def gateway(fast: None) -> RealCanaryStack:
    """Give a gateway whose PBX makes calls."""
    return RealCanaryStack()


@pytest.fixture
def events_alone(fast: None) -> CanaryStack:
    """Give a gateway whose canary calls are events."""
    return CanaryStack()


def saved(row: Model, at: datetime) -> None:
    """Note that a person saved the settings of a row."""
    user, _ = User.objects.get_or_create(username="ada")
    LogEntry.objects.log_actions(user.pk, [row], CHANGE, "Host: a -> b.", single_object=True)
    LogEntry.objects.filter(pk=LogEntry.objects.latest("pk").pk).update(action_time=at)


def fails_as_settings_are_saved(gateway: RealCanaryStack, seconds_before: float = 0.0) -> CanaryCall:
    """Let a call fail as its link opens again."""
    gateway.answer = LOST
    call = gateway.begins()
    saved(gateway.source, call.began_at - timedelta(seconds=seconds_before))
    return gateway.follow(call)


# -- settings that are saved ---------------------------------------------------------------------------------------


def test_a_call_that_fails_as_settings_are_saved_is_neither_green_nor_red_and_is_made_again_soon(
    gateway: RealCanaryStack,
) -> None:
    gateway.follow()
    call = fails_as_settings_are_saved(gateway)
    (stands,) = standings(gateway.time)

    assert (call.is_red, call.is_interrupted) == (False, True)
    assert call.ends[-1].verdict is CanaryVerdict.INTERRUPTED
    assert "The settings of pbx were saved just then: this call shows nothing." in call.ends[-1].text
    assert stands.is_red is False
    assert stands.last != call
    assert find(gateway.time, {"canary": None}) == []
    assert call.ended_at
    begin_due(call.ended_at + timedelta(seconds=19))
    assert not CanaryCall.objects.filter(ended_at=None).exists()
    begin_due(call.ended_at + timedelta(seconds=20))
    assert CanaryCall.objects.filter(ended_at=None).count() == 1


def test_a_red_canary_stays_red_while_settings_are_saved(gateway: RealCanaryStack) -> None:
    gateway.answers_phone = False
    gateway.follow()
    gateway.passes(60)
    fails_as_settings_are_saved(gateway)

    assert standings(gateway.time)[0].is_red


def test_the_second_call_in_a_row_is_judged_whatever_is_saved(gateway: RealCanaryStack) -> None:
    assert fails_as_settings_are_saved(gateway).is_interrupted
    again = fails_as_settings_are_saved(gateway)

    assert (again.is_red, again.is_interrupted) == (True, False)
    gateway.passes(5)
    begin_due(gateway.time)
    assert CanaryCall.objects.count() == 2


def test_what_breaks_just_before_settings_are_saved_is_red_within_the_interval(
    gateway: RealCanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, CanaryStep.LEG, MAXIMUM_SECONDS)  # The longest that a call may take.
    passed = gateway.follow()
    broken_at, gateway.answers_phone = gateway.time, False
    begun = []
    while not standings(gateway.time)[0].is_red:
        gateway.passes(5)
        begin_due(gateway.time)
        for call in CanaryCall.objects.filter(ended_at=None):
            if call not in begun:
                saved(gateway.source, call.began_at)
                begun.append(call)
            gateway.look(call)

    assert [call.is_interrupted for call in CanaryCall.objects.order_by("pk")] == [False, True, False]
    assert passed.ended_at
    assert gateway.time - broken_at <= timedelta(minutes=gateway.source.canary_minutes)


def test_settings_that_were_saved_long_before_excuse_nothing(gateway: RealCanaryStack) -> None:
    assert fails_as_settings_are_saved(gateway, seconds_before=21).is_red


def test_settings_of_another_source_excuse_nothing(gateway: RealCanaryStack) -> None:
    gateway.answer = LOST
    call = gateway.begins()
    saved(CtiSource.objects.create(slug="other", kind="http"), call.began_at)

    assert gateway.follow(call).is_red


def test_settings_of_the_recording_service_interrupt_too(events_alone: CanaryStack) -> None:
    def away(service: RecordingService) -> RecordingServicePort:
        saved(service, events_alone.time)
        return Holding(events_alone.connect(service), QmsUnclear("no answer"))  # type: ignore[return-value]

    with events_alone.with_recorder():
        call = events_alone.follow(connect=away)

    assert call.is_interrupted
    assert "The settings of rs1 were saved just then" in call.ends[-1].text


def test_a_missing_qms_user_is_red_at_once_although_settings_were_saved(gateway: RealCanaryStack) -> None:
    QmsUser.objects.filter(extension=TEST_PHONE).update(gone_at=gateway.time)
    call = gateway.begins()
    saved(gateway.source, call.began_at)
    call = gateway.follow(call)

    assert red(call)[0] is CanaryStep.MATCH
    assert standings(gateway.time)[0].is_red


def test_a_source_that_is_disabled_as_its_call_begins_is_no_fault(gateway: RealCanaryStack) -> None:
    call = gateway.begins()
    gateway.set(enabled=False)
    saved(gateway.source, call.began_at)

    assert gateway.follow(call).is_interrupted


def test_a_call_that_passes_as_settings_are_saved_has_passed(gateway: RealCanaryStack) -> None:
    call = gateway.begins()
    saved(gateway.source, call.began_at)
    call = gateway.follow(call)

    assert (call.is_red, call.is_interrupted) == (False, False)
    assert set(verdicts(call).values()) == {CanaryVerdict.PASSED}


# -- the test extension changes ------------------------------------------------------------------------------------


def test_a_test_extension_that_changes_before_the_leg_opens_makes_no_leg_a_tests(gateway: RealCanaryStack) -> None:
    gateway.follow()
    gateway.passes(600)
    call = gateway.look(gateway.begins())
    gateway.set(canary_extensions=["2003"], devices=["2001", TEST_PHONE])
    saved(gateway.source, gateway.time)
    call = gateway.follow(call)
    gateway.passes(5)

    assert call.is_interrupted
    assert "The leg was not known as a canary's." in call.ends[-1].text
    # A call at an extension that is no test extension is counted and flagged as any.
    assert [leg.is_canary for leg in gateway.legs()] == [True, False]
    assert "Canary test call" not in gateway.flags(TEST_PHONE)[-1].values()
    assert [one.extension for one in standings(gateway.time)] == ["2003"]
    begin_due(gateway.time)
    assert CanaryCall.objects.get(ended_at=None).extension == "2003"


def test_a_test_extension_that_changes_during_the_leg_leaves_it_a_canarys(gateway: RealCanaryStack) -> None:
    call = gateway.look(gateway.begins())
    gateway.passes(0.3)
    gateway.set(canary_extensions=["2003"])
    call = gateway.follow(call)

    assert not call.is_red
    assert Leg.objects.get().is_canary
    assert not HourlyCount.objects.exclude(legs=0).exists()


def test_a_source_that_is_disabled_during_a_call_is_not_red_and_gets_no_other(gateway: RealCanaryStack) -> None:
    call = gateway.look(gateway.begins())
    gateway.set(enabled=False)
    saved(gateway.source, gateway.time)
    gateway.answer = None
    call = gateway.follow(call)

    assert not call.is_red
    assert standings(gateway.time) == []
    assert find(gateway.time, {"canary": None}) == []
    begin_due(gateway.time + timedelta(hours=1))
    assert not CanaryCall.objects.filter(ended_at=None).exists()


# -- what happens to the call ---------------------------------------------------------------------------------------


def test_a_canary_call_that_is_transferred_is_an_ordinary_call_at_its_destination(gateway: RealCanaryStack) -> None:
    call = gateway.look(gateway.begins())
    gateway.passes(0.1)
    moved = {"old": {"callId": "77", "deviceId": TEST_PHONE}, "new": {"callId": "77", "deviceId": "2001"}}
    gateway.hears(
        gateway.event(
            "Transferred",
            primaryOldCallId="77",
            transferringDeviceId=TEST_PHONE,
            transferredToDeviceId="2001",
            resultingCallId="77",
            connections=[moved],
            isCanary=True,
        )
    )
    gateway.qms.disconnected(TEST_PHONE, gateway.time)
    gateway.connects("77", "2001")
    gateway.passes(1)
    call = gateway.follow(call)
    gateway.clears("77", "2001")
    gateway.passes(20)

    assert call.ended_at is not None
    own, other = gateway.legs()
    assert (own.device_id, own.is_canary) == (TEST_PHONE, True)
    assert (other.device_id, other.is_canary) == ("2001", False)
    assert all("Canary test call" not in one.values() for one in gateway.flags("2001"))
    assert sum(HourlyCount.objects.values_list("legs", flat=True)) == 1


def test_a_link_that_is_lost_during_the_call_makes_it_red_and_says_so(
    gateway: RealCanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = gateway.look(gateway.begins())
    gateway.passes(0.3)
    monkeypatch.setattr(gateway, "hang_up", lambda *_, **__: None)
    gateway.hears(gateway.event("gateway.link.Lost"))
    gateway.passes(2)
    gateway.hears(
        gateway.event("gateway.link.Restored"),
        gateway.event("gateway.snapshot.Began"),
        gateway.event("gateway.snapshot.Ended"),
    )
    gateway.qms.disconnected(TEST_PHONE, gateway.time)
    gateway.passes(1)
    call = gateway.follow(call)

    assert red(call) == (CanaryStep.END, "The link was lost during the call: its end is unknown.")
    assert not Leg.objects.filter(disconnected_at=None).exists()
    assert not HourlyCount.objects.exclude(legs=0).exists()


# -- reading back ----------------------------------------------------------------------------------------------------


class Holding:
    """A service that answers GetFlags as a test says."""

    def __init__(self, service: RecordingServicePort, answer: Exception | Sequence[Flag]) -> None:
        self._service, self._answer = service, answer

    def flags(self, guid: str) -> Sequence[Flag]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def __getattr__(self, name: str) -> object:
        return getattr(self._service, name)


def read_back(gateway: CanaryStack, answer: Exception | Sequence[Flag], asked: list[float]) -> CanaryCall:
    """Make a recorded call whose flags are read back as a test says; ``asked``: the timeouts that QMS was given."""

    def connected(service: RecordingService) -> RecordingServicePort:
        asked.append(service.timeout_seconds)
        return Holding(gateway.connect(service), answer)  # type: ignore[return-value]

    with gateway.with_recorder():
        return gateway.follow(connect=connected)


def test_a_qms_that_hangs_as_flags_are_read_back_is_waited_for_15_seconds_at_most(events_alone: CanaryStack) -> None:
    RecordingService.objects.update(timeout_seconds=120)
    asked: list[float] = []
    call = read_back(events_alone, QmsUnclear("no answer in time"), asked)

    assert red(call)[0] is CanaryStep.READ_BACK
    assert asked == [15.0]
    assert RecordingService.objects.get().timeout_seconds == 120


def test_flags_that_qms_has_lost_make_it_red(events_alone: CanaryStack) -> None:
    step, text = red(read_back(events_alone, [], []))

    assert step is CanaryStep.READ_BACK
    assert text.startswith("QMS holds other values than it was given: CTICallRef, ")


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ([Flag("QueueName", "Sales")], "it returned QueueName, which another gateway wrote."),
        ([], "it returned no flags."),
    ],
)
def test_in_shadow_mode_qms_is_asked_and_what_another_gateway_wrote_is_no_verdict(
    events_alone: CanaryStack, held: list[Flag], sentence: str
) -> None:
    RecordingService.objects.update(shadow=True)
    call = read_back(events_alone, held, [])

    assert not call.is_red
    assert verdicts(call)[CanaryStep.FLAGS] is verdicts(call)[CanaryStep.READ_BACK] is CanaryVerdict.UNVERIFIED
    assert call.ends[-1].text == f"Nothing was written (shadow mode). QMS was asked, and {sentence}"


def test_in_shadow_mode_a_qms_that_cannot_be_read_is_red(events_alone: CanaryStack) -> None:
    RecordingService.objects.update(shadow=True)

    assert red(read_back(events_alone, QmsUnclear("no answer"), []))[0] is CanaryStep.READ_BACK


# -- old rows --------------------------------------------------------------------------------------------------------


def test_old_calls_are_forgotten_and_one_that_goes_on_is_kept(events_alone: CanaryStack) -> None:
    ended = events_alone.follow()
    under_way = events_alone.begins()
    forget_old(events_alone.time + timedelta(days=29))
    assert set(CanaryCall.objects.all()) == {ended, under_way}
    forget_old(events_alone.time + timedelta(days=31))

    assert list(CanaryCall.objects.all()) == [under_way]


def test_the_page_of_a_call_whose_leg_was_deleted_names_no_leg(events_alone: CanaryStack, admin_client: Client) -> None:
    call = events_alone.follow()
    address = reverse("admin:canary_canarycall_change", args=[call.pk])
    assert "See the leg" in admin_client.get(address).content.decode()
    Leg.objects.all().delete()

    assert "See the leg" not in admin_client.get(address).content.decode()
    begin_due(events_alone.time + timedelta(hours=1))
    assert CanaryCall.objects.filter(ended_at=None).exists()


def test_the_page_of_an_interrupted_call_says_that_it_shows_nothing(
    gateway: RealCanaryStack, admin_client: Client
) -> None:
    call = fails_as_settings_are_saved(gateway)
    page = admin_client.get(reverse("admin:canary_canarycall_change", args=[call.pk])).content.decode()
    listed = admin_client.get(reverse("admin:canary_canarycall_changelist")).content.decode()

    assert "were saved just then: this call shows nothing." in page
    assert "Nothing: another canary call begins within half a minute." in page
    assert "interrupted" in listed
