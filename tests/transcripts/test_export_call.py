"""A call that went through the gateway becomes a transcript: the same legs come of it, and it names nobody."""

import io

import pytest
import redis as redis_client
from django.core.management import CommandError, call_command

from calls.transcript.format import read, run
from cti.models import CtiSource
from flags.models import FlagSetting
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SECRETS = (
    "Alice Archer",
    "Uma Underhill",
    "70123",
    "9101-7",
    "Sales",
    "I-CALL",
    "CALL-",
    "CRM-8812",
    "4711",
    "3001",
    "3002",
    "SECRET",
)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway whose pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    gateway.users("3001", "3002")
    return gateway


def handed_over(gateway: GatewayStack) -> None:
    """Let Alice talk to Uma, consult a colleague, and hand Uma over; meanwhile another call takes place."""
    FlagSetting.objects.update(enabled=True)
    gateway.log_on("9101-7", "3001", "Alice Archer")
    gateway.call(
        "Queued",
        "CALL-1",
        "6000",
        queueName="Sales",
        callingNumber="+4470123",
        callerName="Uma Underhill",
        callerNameSource="isdn",
        interactionId="I-CALL",
        queryData={"Case": "CRM-8812"},
        sourceTime="SECRET",
    )
    gateway.passes(2)
    gateway.connects("CALL-1", "3001")
    gateway.passes(0.5)
    gateway.connects("CALL-9", "2004", callingNumber="+4471111", interactionId="I-OTHER")
    gateway.call("Held", "CALL-1", "3001")
    gateway.call("Originated", "CALL-2", "3001", cause="consultation")
    gateway.passes(7)
    gateway.connects("CALL-2", "3002")
    gateway.passes(0.5)  # QMS is asked at once, as in a replay.
    gateway.passes(4.5)
    moved = {"old": {"callId": "CALL-2", "deviceId": "3002"}, "new": {"callId": "CALL-1", "deviceId": "3002"}}
    gateway.hears(
        gateway.event(
            "Transferred",
            primaryOldCallId="CALL-1",
            secondaryOldCallId="CALL-2",
            transferringDeviceId="3001",
            transferredToDeviceId="3002",
            resultingCallId="CALL-1",
            connections=[moved],
        )
    )
    gateway.qms.disconnected("3001", gateway.time)
    gateway.passes(2)  # QMS is asked again, and still names the same recording.
    gateway.passes(10)
    gateway.call("CallInformation", "CALL-1", "3002", wrapup={"template": "4711", "result": "Sold"})
    gateway.clears("CALL-1", "3002")
    gateway.passes(1.2)
    gateway.passes(130)


def exported(leg: int) -> tuple[str, str]:
    """Return what the command prints, and what it says aside."""
    out, aside = io.StringIO(), io.StringIO()
    call_command("export_call", str(leg), stdout=out, stderr=aside)
    return out.getvalue(), aside.getvalue()


def test_an_exported_call_gives_the_same_legs_again(gateway: GatewayStack) -> None:
    handed_over(gateway)
    text, aside = exported(gateway.legs()[0].pk)
    transcript = read(text)

    assert (run(transcript), aside) == ([], "")
    assert sorted((leg.extension, leg.outcome) for leg in transcript.legs) == [
        ("E1", "flagged"),
        ("E1", "not_recorded"),
        ("E2", "flagged"),
    ]
    assert [leg.flags["CTIWrapup"] for leg in transcript.legs if leg.extension == "E2"] == ["Wrap-up 1: Wrap-up 2"]


def test_any_leg_of_an_interaction_gives_the_whole_of_it(gateway: GatewayStack) -> None:
    handed_over(gateway)
    related = [leg for leg in gateway.legs() if leg.call_id != "CALL-9"]

    assert len({exported(leg.pk)[0] for leg in related}) == 1


def test_an_exported_call_names_nobody_and_no_other_call(gateway: GatewayStack) -> None:
    handed_over(gateway)
    text, _ = exported(gateway.legs()[0].pk)

    assert [secret for secret in (*SECRETS, "CALL-9", "71111", "Sold") if secret in text] == []
    assert 'callerName = "Person ' in text
    assert 'deviceId = "E1"' in text


def test_a_name_is_masked_alike_wherever_it_stands(gateway: GatewayStack) -> None:
    handed_over(gateway)
    transcript = read(exported(gateway.legs()[0].pk)[0])
    names = {one["callerName"] for one in transcript.events if "callerName" in one}

    assert {leg.flags["CallerName"] for leg in transcript.legs if "CallerName" in leg.flags} == names


def test_an_agent_who_logged_on_long_before_is_named_all_the_same(gateway: GatewayStack) -> None:
    gateway.log_on("9101-7", "3001", "Alice Archer")
    gateway.passes(7200)
    gateway.connects("CALL-1", "3001")
    gateway.passes(0.5)
    gateway.clears("CALL-1", "3001")
    gateway.passes(1.2)
    transcript = read(exported(gateway.legs()[0].pk)[0])

    assert run(transcript) == []
    assert transcript.legs[0].flags["AgentName"] == "Person 1"


def test_a_leg_whose_events_are_forgotten_is_refused(gateway: GatewayStack, redis: redis_client.Redis) -> None:
    handed_over(gateway)
    redis.flushall()

    with pytest.raises(CommandError, match="no longer has the events"):
        exported(gateway.legs()[0].pk)


def test_a_leg_that_does_not_exist_is_refused(gateway: GatewayStack) -> None:
    assert CtiSource.objects.exists()
    with pytest.raises(CommandError, match="There is no leg 1"):
        exported(1)
