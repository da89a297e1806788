"""A replay by the same code and settings gives no difference; a changed setting differs in exactly what it changes."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import redis as redis_client
from pytest_django import Settings

from agents.api import forget_directories
from agents.models import QmsUser
from calls.models import Leg
from calls.privacy.erase import erase
from calls.privacy.subject import ErasureSubject, SubjectKind
from calls.replay.compare_period import PeriodComparison, ReplaySettings, compare_period, todays_settings
from cti.api import archive_journals, read_journal, source_archive
from cti.archive.files import ArchivedFrame
from cti.journal.stream import client, journal_key
from flags.models import FlagSetting
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

CALLS = 6


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    """Give a gateway that labelled calls of a queue at three extensions, and one that nobody recorded."""
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    for number in range(CALLS):
        _queue_call(one, f"C{number}", str(2001 + number % 3), "900" if number % 2 else "901")
    one.call("Established", "not recorded", "2004", callingNumber="0301234", direction="inbound")
    for _ in range(12):
        one.passes(1)
    one.call("ConnectionCleared", "not recorded", "2004")
    one.passes(5)
    assert {outcome for _, outcome in one.outcomes()} == {"flagged", "not_recorded"}
    return one


def _queue_call(one: GatewayStack, call: str, extension: str, queue: str) -> None:
    names = {"900": "Sales", "901": "Service"}
    caller = {"callingNumber": "0301234", "callerName": "Erika Mustermann"}
    one.call("Queued", call, queue, queueName=names[queue], **caller)
    one.passes(1)
    one.call("Delivered", call, extension)
    one.passes(1)
    one.connects(call, extension)
    one.passes(3)
    one.clears(call, extension)
    one.passes(4)


def replayed(
    one: GatewayStack, settings: ReplaySettings | None = None, begin: datetime | None = None
) -> PeriodComparison:
    begin = begin or one.begin - timedelta(minutes=1)
    return compare_period(one.source, begin, one.time, settings or todays_settings(one.source), one.time)


def found(result: PeriodComparison) -> list[tuple[str, str, str, str, str, int]]:
    return [(one.kind, one.cause, one.subject, one.was, one.would_be, one.count) for one in result.sorted_groups()]


@pytest.mark.parametrize("is_archived", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_the_same_code_and_settings_give_no_difference(gateway: GatewayStack, is_archived: bool) -> None:
    if is_archived:
        archive_journals(lambda: gateway.time)
        client().delete(journal_key("pbx"))
    rows = list(Leg.objects.order_by("id").values())

    result = replayed(gateway)

    assert found(result) == []
    assert result.compared == CALLS + 1
    assert (result.failures, result.gaps, dict(result.apart)) == (0, 0, {})
    assert list(Leg.objects.order_by("id").values()) == rows


def test_a_flag_that_is_switched_off_differs_in_itself_alone(gateway: GatewayStack) -> None:
    settings = todays_settings(gateway.source)
    specs = tuple(spec for spec in settings.specs if spec.name != "QueueName")

    result = replayed(gateway, msgspec.structs.replace(settings, specs=specs))

    assert found(result) == [("flag", "flag_settings", "QueueName", "written", "not written", CALLS)]
    assert result.different == CALLS


@pytest.mark.nightly
def test_a_flag_that_is_cut_shorter_differs_where_its_value_is_longer(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="QueueName").update(max_length=5)

    assert found(replayed(gateway)) == [("flag", "flag_settings", "QueueName", "Service", "Serv…", CALLS // 2)]


def test_an_extension_that_is_taken_off_the_list_loses_its_legs_alone(gateway: GatewayStack) -> None:
    gateway.source.devices = ["2001", "2003", "2004"]

    result = replayed(gateway)

    assert found(result) == [("missing_leg", "extensions", "", "flagged", "", CALLS // 3)]
    assert {one.extension for one in result.sorted_groups()[0].examples} == {"2002"}
    assert all(Leg.objects.filter(pk=one.leg_id).exists() for one in result.sorted_groups()[0].examples)


@pytest.mark.nightly
def test_an_extension_that_was_not_on_the_list_gets_legs_of_which_qms_was_not_asked(gateway: GatewayStack) -> None:
    gateway.source.devices = ["2001", "2003", "2004"]
    gateway.source.save()
    begin = gateway.now()
    for number in range(3):
        _queue_call(gateway, f"D{number}", str(2001 + number % 3), "900")
    gateway.source.devices = []

    result = replayed(gateway, begin=begin)

    assert found(result) == [("extra_leg", "extensions", "", "", "", 1)]
    assert result.compared == 2


@pytest.mark.nightly
def test_a_user_whom_qms_no_longer_has_costs_the_calls_of_the_extension_alone(gateway: GatewayStack) -> None:
    QmsUser.objects.filter(extension="2002").delete()
    forget_directories()

    groups = found(replayed(gateway))

    outcome = ("outcome", "users", "flagged / user_unmatched", "flagged", "user_unmatched", CALLS // 3)
    assert outcome in groups
    assert {(kind, cause, count) for kind, cause, _, _, _, count in groups} == {
        ("outcome", "users", CALLS // 3),
        ("flag", "users", CALLS // 3),
    }


@pytest.mark.parametrize("is_archived", [False, True])
def test_what_the_gateway_has_not_folded_yet_is_left_out_and_said(gateway: GatewayStack, is_archived: bool) -> None:
    """Before: what the archive had copied already was folded, and its legs were others by the rules."""
    begin = gateway.now()
    gateway.call("Established", "unfolded", "2001")
    gateway.passes_unheard(30)
    if is_archived:
        archive_journals(lambda: gateway.time)
    gateway.call("ConnectionCleared", "unfolded", "2001")
    gateway.passes_unheard(30)

    result = replayed(gateway)

    assert (found(result), result.compared, result.unfolded_from) == ([], CALLS + 1, begin)


def test_calls_whose_events_were_sent_hours_late_are_compared(gateway: GatewayStack) -> None:
    """Before: "it would not be settled yet", hours after it was: QMS's answer came later than is read on."""
    late = -3 * 3600.0
    for number in range(2):
        connected = gateway.event("Established", at=late + number * 60, callId=f"late {number}", deviceId="2004")
        ended = gateway.event("ConnectionCleared", at=late + number * 60 + 20, callId=f"late {number}", deviceId="2004")
        gateway.hears(connected, ended)
        gateway.passes(5)
    outcomes = Leg.objects.filter(connected_at__lt=gateway.begin).values_list("outcome", flat=True)
    assert list(outcomes) == ["window_missed"] * 2
    begin = gateway.begin + timedelta(seconds=late - 60)

    result = compare_period(
        gateway.source, begin, begin + timedelta(minutes=10), todays_settings(gateway.source), gateway.time
    )

    assert (found(result), result.compared, dict(result.apart)) == ([], 2, {})


@pytest.mark.nightly
def test_calls_that_began_before_the_first_event_that_is_kept_are_not_compared(gateway: GatewayStack) -> None:
    archive_journals(lambda: gateway.time)
    frames = list(source_archive("pbx").frames())
    assert len(frames) == 1
    entries = read_journal("pbx", "0-0", 2)
    client().xtrim(journal_key("pbx"), minid=entries[1].id, approximate=False)
    for path in source_archive("pbx").files():
        path.unlink()

    result = replayed(gateway)

    assert found(result) == []
    assert dict(result.apart) == {"events of its call may be missing in the archive": 1}
    assert result.compared == CALLS


@pytest.mark.nightly
def test_a_caller_who_was_erased_is_not_compared(gateway: GatewayStack) -> None:
    archive_journals(lambda: gateway.time)
    erase(ErasureSubject(SubjectKind.NUMBER, "0301234"), gateway.time)

    result = replayed(gateway)

    assert found(result) == []
    assert dict(result.apart) == {"the caller was erased": CALLS + 1}


def test_what_is_left_of_an_erased_callers_events_is_no_leg_of_another_time(gateway: GatewayStack) -> None:
    begin = gateway.now()
    gateway.connects("E", "2001", callingNumber="0309999", callerName="Hana Iyer")
    gateway.passes(1)
    gateway.call("Established", "E", "2001")
    gateway.passes(1)
    gateway.clears("E", "2001")
    gateway.passes(60)  # Until nobody waits for a recording of what is left.
    archive_journals(lambda: gateway.time)
    erase(ErasureSubject(SubjectKind.NAME, "Hana Iyer"), gateway.time)

    result = replayed(gateway, begin=begin)

    assert found(result) == []
    assert (dict(result.apart), result.compared) == ({"the caller was erased": 1}, 0)


@pytest.mark.parametrize("is_archived", [True, False])
def test_calls_whose_events_were_erased_are_not_compared_though_their_legs_know_no_name(
    gateway: GatewayStack, is_archived: bool
) -> None:
    """Before: a personal name is no leg's, so that nothing was known to be erased, and a leg would be missing."""
    begin = gateway.now()
    person = {"callingNumber": "0309999", "callerName": "Hana Iyer", "callerNameSource": "personal"}
    gateway.call("Queued", "E", "900", queueName="Sales", **person)
    gateway.passes(1)
    gateway.connects("E", "2001", callingNumber="0309999")
    gateway.passes(1)
    gateway.clears("E", "2001")
    gateway.passes(60)
    gateway.connects("F", "2002", **person)
    gateway.passes(1)
    gateway.clears("F", "2002")
    gateway.passes(60)
    if is_archived:
        archive_journals(lambda: gateway.time)
    assert "Hana Iyer" not in Leg.objects.values_list("caller_name", flat=True)
    erase(ErasureSubject(SubjectKind.NAME, "Hana Iyer"), gateway.time)
    if not is_archived:
        archive_journals(lambda: gateway.time)

    result = replayed(gateway, begin=begin)

    assert found(result) == []
    assert (dict(result.apart), result.compared) == ({"the caller was erased": 2}, 0)


@pytest.mark.parametrize("seconds", [1, 61])
def test_what_follows_a_frame_that_cannot_be_read_is_no_leg_of_another_time(
    gateway: GatewayStack, seconds: float
) -> None:
    gateway.passes(60)
    archive_journals(lambda: gateway.time)
    begin = gateway.now()
    gateway.connects("H", "2001", callingNumber="0309999")
    gateway.passes(1)
    archive_journals(lambda: gateway.time)
    gateway.passes(seconds)
    gateway.call("Established", "H", "2001")
    gateway.passes(1)
    gateway.clears("H", "2001")
    gateway.passes(60)
    archive_journals(lambda: gateway.time)
    client().delete(journal_key("pbx"))
    _spoil_frame(1)

    result = replayed(gateway, begin=begin)

    assert (found(result), result.gaps) == ([], 1)
    assert (dict(result.apart), result.compared) == ({"events of its call may be missing in the archive": 1}, 0)


def _spoil_frame(number: int) -> None:
    frame = [one for one in source_archive("pbx").frames() if isinstance(one, ArchivedFrame)][number]
    raw = bytearray(frame.path.read_bytes())
    raw[frame.end - 20] ^= 0xFF
    frame.path.write_bytes(raw)


@pytest.mark.nightly
def test_a_period_of_which_nothing_is_kept_is_said_to_be_empty(gateway: GatewayStack) -> None:
    begin = gateway.begin - timedelta(days=9)

    result = compare_period(gateway.source, begin, begin + timedelta(days=1), todays_settings(gateway.source), begin)

    assert (result.events, result.covered_from, result.compared) == (0, None, 0)


@pytest.mark.nightly
def test_a_user_who_is_not_active_any_more_costs_the_calls_of_the_extension_alone(gateway: GatewayStack) -> None:
    QmsUser.objects.filter(extension="2002").update(active=False)
    forget_directories()

    result = replayed(gateway)

    groups = found(result)
    assert ("outcome", "users", "flagged / user_inactive", "flagged", "user_inactive", CALLS // 3) in groups
    assert {(cause, count) for _, cause, _, _, _, count in groups} == {("users", CALLS // 3)}
    assert result.different == CALLS // 3


@pytest.mark.nightly
def test_a_flag_that_carries_another_field_differs_in_itself_alone(gateway: GatewayStack) -> None:
    settings = todays_settings(gateway.source)
    specs = tuple(
        msgspec.structs.replace(spec, field="direction") if spec.name == "QueueName" else spec
        for spec in settings.specs
    )

    result = replayed(gateway, msgspec.structs.replace(settings, specs=specs))

    assert {(kind, cause, name) for kind, cause, name, _, _, _ in found(result)} == {
        ("flag", "flag_settings", "QueueName")
    }
    assert result.different == CALLS


@pytest.mark.nightly
def test_a_device_that_is_ignored_loses_its_legs_alone(gateway: GatewayStack) -> None:
    gateway.source.options = {"ignored_devices": ["2003"]}

    assert found(replayed(gateway)) == [("missing_leg", "extensions", "", "flagged", "", CALLS // 3)]


def test_a_longer_settle_time_differs_in_the_data_that_came_late_alone(gateway: GatewayStack) -> None:
    gateway.connects("late", "2001")
    gateway.passes(1)
    gateway.clears("late", "2001")
    gateway.passes(1.5)
    data = gateway.event("CallInformation", callId="late", queueName="Sales")
    sent = (gateway.time - timedelta(seconds=1.8)).isoformat()
    gateway.hears(data | {"time": sent, "gatewaytime": gateway.time.isoformat()})
    gateway.passes(4)
    assert found(replayed(gateway)) == []
    gateway.source.options = {"settle_ms": 3000}

    result = replayed(gateway)

    assert [(kind, name, was, would) for kind, _, name, was, would, _ in found(result)] == [
        ("flag", "QueueName", "not written", "written")
    ]
    assert [one.leg_id for one in result.sorted_groups()[0].examples] == [gateway.legs()[-1].pk]


def test_a_recording_that_another_sources_leg_has_is_not_given_to_the_leg_of_this_one(gateway: GatewayStack) -> None:
    """Before: "would be flagged", because of the settings of the flags, though two sources had reported one call."""
    other = GatewayStack("open")
    other.qms, other.time = gateway.qms, gateway.time
    gateway.qms.connected("2003", gateway.time)
    for one in (gateway, other):
        one.call("Established", "twice", "2003", queueName="Sales")
        one.fold()
    gateway.passes(0.1)  # QMS is asked for both.
    gateway.passes(2)
    other.time = gateway.time
    other.fold()
    for one in (gateway, other):
        one.clears("twice", "2003")
        one.passes(30)
    [leg] = other.legs()
    assert (leg.outcome, leg.reason_code) == ("not_recorded", "same")

    assert found(replayed(other, begin=other.begin)) == []
    assert replayed(other, begin=other.begin).compared == 1
