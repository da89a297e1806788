"""The demo's judgement: it must see a flag that stands where it does not belong."""

from datetime import UTC, datetime

import pytest

from calls.api import CallerViewKind, record_view
from calls.core.state import LegState
from calls.models import Leg
from calls.storage.codec import blob_and_trace
from cti.models import CtiSource
from flags.models import FlagSetting, FlagValue, FlagWrite, WriteState
from launcher import demo_login
from launcher.demo_check import HeldRecording, differences, held_lines
from launcher.demo_counts import counts_text, summary, tally
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALICE = {"AgentName": "Alice", "CTICallRef": "c1"}


@pytest.fixture
def leg() -> Leg:
    """A leg of Alice's, flagged with her name and the call's reference, and nothing else."""
    FlagSetting.objects.exclude(field__in=("agent_name", "call_id")).update(enabled=False)
    service = RecordingService.objects.create(
        slug="north", url="http://127.0.0.1/", data_server=DataServer.objects.create(slug="central")
    )
    source = CtiSource.objects.create(slug="pbx", kind="http")
    write = FlagWrite.objects.create(
        leg_id=1,
        source_id=source.pk,
        service=service,
        recording_guid="g1",
        part="base",
        state="written",
        not_before=NOON,
        created_at=NOON,
    )
    FlagValue.objects.bulk_create(
        FlagValue(write=write, recording_guid="g1", name=name, value=value) for name, value in ALICE.items()
    )
    return Leg.objects.create(
        id=1,
        source=source,
        call_id="c1",
        device_id="2001",
        phase="settled",
        agent_name="Alice",
        connected_at=NOON,
        recording_guid="g1",
        outcome="flagged",
        facts=b"",
        folded_at=NOON,
    )


def test_flags_that_are_those_of_the_leg_are_no_difference(leg: Leg) -> None:
    assert differences([HeldRecording("g1", "2001", ALICE), HeldRecording("g2", "2002")]) == []


def test_what_was_left_out_on_purpose_is_no_difference(leg: Leg) -> None:
    """Before: the leg's row counted, which names the reference that was withheld because it was in doubt."""
    state = LegState(
        number=1,
        call_id="c1",
        incarnation=1,
        device_id="2001",
        ordinal=0,
        connected_source_at=NOON,
        connected_gateway_at=NOON,
        agent_name="Alice",
        withheld=("call_id",),
    )
    facts, _ = blob_and_trace(state, compact=False)
    Leg.objects.filter(pk=leg.pk).update(facts=facts)
    FlagValue.objects.filter(name="CTICallRef").delete()

    assert differences([HeldRecording("g1", "2001", {"AgentName": "Alice"})]) == []
    FlagValue.objects.update(value="Bob")
    assert differences([HeldRecording("g1", "2001", {"AgentName": "Bob"})]) == [
        "recording g1: its flags are not those of leg 1"
    ]


def test_a_wrap_up_alone_is_right_where_qms_refused_the_other_flags(leg: Leg) -> None:
    wrapup = FlagWrite.objects.get(recording_guid="g1")
    FlagWrite.objects.update(state=WriteState.REFUSED)
    Leg.objects.update(outcome="refused")
    wrapup.pk, wrapup.part = None, "wrapup"
    wrapup.save()
    FlagValue.objects.create(write=wrapup, recording_guid="g1", name="CTIWrapup", value="Sold")

    assert differences([HeldRecording("g1", "2001", {"CTIWrapup": "Sold"})]) == []


@pytest.mark.parametrize(
    ("held", "reported"),
    [
        ([], "leg 1 is flagged, its recording g1 is not"),
        (
            [HeldRecording("g1", "2001", ALICE), HeldRecording("g9", "2001", ALICE)],
            "recording g9 carries flags of no leg",
        ),
        ([HeldRecording("g1", "2001", ALICE | {"AgentName": "Bob"})], "its flags are not those of leg 1"),
        ([HeldRecording("g1", "2001", {"AgentName": "Alice"})], "own record of what it wrote differ"),
        ([HeldRecording("g1", "2001", ALICE | {"Other": "x"})], "own record of what it wrote differ"),
        ([HeldRecording("g1", "2002", ALICE)], "recording g1 is of 2002, its leg of 2001"),
    ],
)
def test_every_way_to_be_wrong_is_seen(leg: Leg, held: list[HeldRecording], reported: str) -> None:
    assert any(reported in one for one in differences(held))


def test_what_was_written_wrongly_is_seen_although_both_sides_agree(leg: Leg) -> None:
    FlagValue.objects.filter(name="AgentName").update(value="Bob")

    assert differences([HeldRecording("g1", "2001", ALICE | {"AgentName": "Bob"})]) == [
        "recording g1: its flags are not those of leg 1"
    ]


def test_what_an_erasure_took_from_the_gateway_is_no_difference(leg: Leg) -> None:
    FlagValue.objects.filter(name="AgentName").update(value="(erased)")
    Leg.objects.update(agent_name="")

    assert differences([HeldRecording("g1", "2001", ALICE)]) == []


def test_the_summary_says_why_what_was_not_flagged_was_not(leg: Leg) -> None:
    for number, outcome, reason in ((2, "user_unmatched", "No QMS user at 2002"), (3, "waiting", "")):
        leg.pk, leg.call_id, leg.recording_guid, leg.outcome, leg.reason = number, f"c{number}", None, outcome, reason
        leg.save(force_insert=True)

    now = tally()

    assert counts_text(now) == "3 calls, 3 legs: 1 flagged, 1 waiting or in progress, 1 not flagged (1 user_unmatched)"
    assert "1  user_unmatched: No QMS user at 2002" in summary(now)
    assert "Still waiting when stopped: 1 leg." in summary(now)


@pytest.fixture
def shadow_leg(leg: Leg) -> Leg:
    """Another leg, at 2002, of which nothing may be written."""
    leg.pk, leg.call_id, leg.device_id, leg.recording_guid, leg.outcome = 2, "c2", "2002", "g2", "shadow"
    leg.reason = "Another gateway writes"
    leg.save(force_insert=True)
    return leg


def test_a_leg_in_shadow_mode_is_neither_flagged_nor_unflagged(shadow_leg: Leg) -> None:
    now = tally()

    assert counts_text(now) == "2 calls, 2 legs: 1 flagged, 1 in shadow mode, 0 waiting or in progress, 0 not flagged"
    assert "In shadow mode: 1 leg, of which this gateway writes nothing.\nNot flagged: 0 legs." in summary(now)


def test_what_another_gateway_wrote_in_shadow_mode_is_no_difference_and_is_not_called_ours(shadow_leg: Leg) -> None:
    ours, theirs = HeldRecording("g1", "2001", ALICE), HeldRecording("g2", "2002", {"AgentName": "Bob"})
    of_ours = (
        "In QMS 1 recording with flags of this gateway: every flagged recording carries exactly the flags of its leg."
    )

    assert differences([ours, theirs]) == []
    assert held_lines([ours, HeldRecording("g2", "2002")]) == [
        of_ours,
        "Of 1 leg in shadow mode QMS holds no flags.",
    ]
    assert held_lines([HeldRecording("g2", "2002")]) == ["Of 1 leg in shadow mode QMS holds no flags."]
    assert held_lines([ours, theirs]) == [
        of_ours,
        "Of 1 leg in shadow mode QMS holds 1 recording with flags, which another gateway wrote.",
    ]


@pytest.mark.parametrize("is_wrapup_withheld", [False, True])
def test_a_write_in_shadow_mode_is_a_difference_unless_the_wrap_up_alone_was_withheld(
    shadow_leg: Leg, *, is_wrapup_withheld: bool
) -> None:
    value = FlagValue.objects.get(name="AgentName")
    write = FlagWrite.objects.create(
        leg_id=2,
        source_id=shadow_leg.source_id,
        service=value.write.service,
        recording_guid="g2",
        part="base",
        state="written",
        not_before=NOON,
        created_at=NOON,
    )
    FlagValue.objects.create(write=write, recording_guid="g2", name="AgentName", value="Alice")

    if is_wrapup_withheld:
        FlagWrite.objects.create(
            leg_id=2,
            source_id=shadow_leg.source_id,
            service=value.write.service,
            recording_guid="g2",
            part="wrapup",
            state="shadow",
            not_before=NOON,
            created_at=NOON,
        )

    found = differences([HeldRecording("g1", "2001", ALICE)])

    expected = "leg 2 is in shadow mode, and the gateway wrote flags to its recording g2"
    assert found == ([] if is_wrapup_withheld else [expected])


@pytest.mark.django_db
def test_a_kept_demo_starts_again_after_its_administrator_saw_a_caller() -> None:
    """Before: he was deleted and made again, which the record of what he saw does not let happen."""
    before = demo_login.renew("first")
    record_view(before, CallerViewKind.FLAGS, datetime(2026, 3, 2, tzinfo=UTC), shown=1)
    after = demo_login.renew("second")

    assert (after.pk, after.check_password("second"), after.is_superuser) == (before.pk, True, True)
