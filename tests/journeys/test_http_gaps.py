"""A program that posts events over HTTP loses some of them, says so, and reports what is in progress."""

from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.test import Client

from agents.models import AgentSessionRecord
from calls.models import Gap, RecordingSearch
from cti.http_intake.tokens import mint_token
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PostingHouse(GatewayStack):
    """A gateway that gets its events over HTTP alone, as a program posts them."""

    def __init__(self) -> None:
        super().__init__("web")
        self.client, self.token = Client(), mint_token(self.source).text
        self.posted: list[dict[str, Any]] = []

    def hears(self, *events: dict[str, Any]) -> None:
        """Post events; all are accepted."""
        assert self.posts(*events) == {"accepted": len(events), "duplicates": 0, "rejected": []}

    def posts(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Post events as the program does, and return what the intake said of them."""
        answer = self.client.post(
            "/api/events",
            msgspec.json.encode(events),
            content_type="application/cloudevents-batch+json",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 202, answer.content
        self.posted += events
        reported: dict[str, Any] = answer.json()
        return reported

    def link(self, what: str, **data: Any) -> None:
        """Say what became of the program's own link."""
        self.hears(self.event(f"gateway.link.{what}", **data))

    def snapshot(self, *in_progress: tuple[str, str], agents: dict[str, str] | None = None, **data: Any) -> None:
        """Tell the calls in progress, and with ``agents`` who sits where."""
        seated = [self.event("csta.agent.LoggedOn", agentId=one, deviceId=at) for one, at in (agents or {}).items()]
        reported: dict[str, Any] = {"agentsTold": True} if agents is not None else {}
        self.hears(
            self.event("gateway.snapshot.Began", **data),
            *seated,
            *(self.event("Established", callId=call, deviceId=device) for call, device in in_progress),
            self.event("gateway.snapshot.Ended", **data, **reported),
        )


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> PostingHouse:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return PostingHouse()


def ledger(gateway: GatewayStack) -> list[tuple[int, int | None, int, int]]:
    """Tell each gap: from and to in seconds, legs saved, legs lost."""
    return [
        (
            round((one.began_at - gateway.begin).total_seconds()),
            round((one.ended_at - gateway.begin).total_seconds()) if one.ended_at else None,
            one.legs_saved,
            one.legs_lost,
        )
        for one in Gap.objects.order_by("began_at")
    ]


def test_after_a_gap_what_vanished_is_flagged_what_goes_on_is_followed_and_what_is_new_is_joined_late(
    gateway: PostingHouse,
) -> None:
    for call, device in (("C1", "2001"), ("C2", "2002")):
        gateway.connects(call, device, callerName=f"caller of {call}", callerNameSource="isdn")
    gateway.passes(0.2)
    gateway.passes(9.8)
    gateway.link("Lost", reason="the switch was restarted")
    gateway.passes(5)
    gateway.qms.disconnected("2001", gateway.time)
    gateway.passes(5)
    gateway.qms.connected("2003", gateway.time)
    gateway.passes(20)
    assert ledger(gateway) == [(10, None, 0, 0)]

    gateway.link("Restored")
    gateway.snapshot(("C2", "2002"), ("C3", "2003"))
    gateway.passes(2)
    assert ledger(gateway) == [(10, 40, 2, 1)]
    gateway.clears("C2", "2002")
    gateway.clears("C3", "2003")
    gateway.passes(2)

    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged"), ("2003", "joined_late")]
    vanished, _, late = gateway.legs()
    assert vanished.end_unknown
    assert [flags["CTICallRef"] for device in ("2001", "2002") for flags in gateway.flags(device)] == ["C1", "C2"]
    assert gateway.flags("2003") == [{}]
    assert not RecordingSearch.objects.filter(leg_id=late.pk).exists()


def test_a_gap_of_one_extension_leaves_the_others_alone(gateway: PostingHouse) -> None:
    gateway.connects("C1", "2001")
    gateway.connects("C2", "2002")
    gateway.passes(5)
    gateway.link("Lost", devices=["2001"])
    gateway.passes(30)
    gateway.snapshot(devices=["2001"])
    gateway.passes(2)

    assert ledger(gateway) == [(5, 35, 1, 0)]
    assert [(leg.device_id, leg.end_unknown, leg.disconnected_at is None) for leg in gateway.legs()] == [
        ("2001", True, False),
        ("2002", False, True),
    ]


def test_a_gap_after_an_event_on_which_a_rule_fails_is_of_its_extensions_alone(
    gateway: PostingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: the ledger had it of all extensions, where both came in one batch."""
    gateway.connects("C1", "2001")
    gateway.passes(5)
    monkeypatch.setattr("calls.core.handlers.call_events.wrapped_up", lambda *_: 1 / 0)
    gateway.call("CallInformation", "C1", "2001", wrapup={"result": "Sold"})
    gateway.link("Lost", devices=["2002", "2003"])
    gateway.link("Restored", devices=["2003"])
    gateway.passes(2)

    gap = Gap.objects.get()
    assert (gap.extensions, gap.end_at("2002"), gap.end_at("2003")) == ("2002, 2003", None, gap.began_at)
    assert gateway.source.quarantine.get().kind == "rule"


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_gap_of_the_link_and_of_an_extension_from_one_moment_on_is_of_all(
    gateway: PostingHouse, *, is_one_batch: bool
) -> None:
    gateway.link("Lost", devices=["2001"])
    if not is_one_batch:
        gateway.fold()
    gateway.link("Lost")
    gateway.fold()

    assert Gap.objects.get().extensions == "all"


def test_who_left_in_a_gap_is_logged_on_nowhere_when_the_snapshot_names_all_agents(gateway: PostingHouse) -> None:
    gateway.log_on("9101", "2001", "Alice Archer")
    gateway.log_on("9102", "2002", "Bob Baker")
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(5)
    gateway.link("Restored")
    gateway.snapshot(agents={"9102": "2002"})
    gateway.passes(1)
    gateway.connects("C1", "2001")
    gateway.passes(1)
    gateway.clears("C1", "2001")
    gateway.passes(2)

    assert list(AgentSessionRecord.objects.filter(until=None).values_list("agent_id", flat=True)) == ["9102"]
    assert ["AgentId" in flags for flags in gateway.flags("2001")] == [False]


def test_in_a_gap_of_some_extensions_each_is_distinguished_and_the_rest_is_flagged_as_ever(
    gateway: PostingHouse,
) -> None:
    gateway.connects("C1", "2001")
    gateway.connects("C4", "2004")
    gateway.passes(5)
    gateway.link("Lost", devices=["2001"])
    gateway.passes(5)
    gateway.link("Lost", devices=["2001", "2002", "2003"])
    gateway.qms.disconnected("2001", gateway.time)
    gateway.qms.connected("2001", gateway.time)
    gateway.qms.connected("2002", gateway.time)
    gateway.passes(10)
    gateway.snapshot(("C2", "2002"), devices=["2001", "2002"])
    gateway.passes(10)
    assert ledger(gateway) == [(5, 20, 1, 0), (10, None, 0, 0)]
    [first, second] = Gap.objects.order_by("began_at")
    assert first.devices == {"2001": ""}
    assert second.devices is not None
    assert (list(second.devices), second.extensions) == (["2002", "2003"], "2002, 2003")
    assert (second.end_at("2002"), second.end_at("2003")) == (first.ended_at, None)

    gateway.link("Restored", devices=["2003"])
    gateway.clears("C2", "2002")
    gateway.clears("C4", "2004")
    gateway.passes(2)

    assert ledger(gateway) == [(5, 20, 1, 0), (10, 30, 0, 1)]
    assert gateway.outcomes() == [("2001", "flagged"), ("2004", "flagged"), ("2002", "joined_late")]
    assert [leg.end_unknown for leg in gateway.legs()] == [True, False, False]
    own, strangers = gateway.flags("2001")
    assert (own["CTICallRef"], strangers) == ("C1", {})
    assert [flags["CTICallRef"] for flags in gateway.flags("2004")] == ["C4"]
    assert gateway.flags("2002") == [{}]


def test_a_recording_that_begins_in_the_gap_is_not_given_to_the_leg_that_had_none(gateway: PostingHouse) -> None:
    gateway.call("Established", "C1", "2001")
    gateway.passes(0.3)
    gateway.link("Lost")
    gateway.qms.connected("2001", gateway.time)
    gateway.passes(0.5)
    gateway.passes(20)
    gateway.link("Restored")
    gateway.snapshot()
    gateway.passes(10)

    assert [(saved, lost) for _, _, saved, lost in ledger(gateway)] == [(0, 1)]
    assert [(leg.end_unknown, leg.recording_guid) for leg in gateway.legs()] == [(True, None)]
    assert gateway.flags("2001") == [{}]


def test_a_program_that_posts_its_gap_again_changes_nothing(gateway: PostingHouse) -> None:
    gateway.connects("C1", "2001")
    gateway.connects("C2", "2002")
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(10)
    gateway.link("Restored")
    gateway.snapshot(("C2", "2002"))
    gateway.passes(2)
    before = ledger(gateway), gateway.outcomes(), gateway.flags("2001")

    again = list(gateway.posted)
    assert gateway.posts(*again) == {"accepted": 0, "duplicates": len(again), "rejected": []}
    gateway.passes(2)
    assert (ledger(gateway), gateway.outcomes(), gateway.flags("2001")) == before
    gateway.clears("C2", "2002")
    gateway.passes(2)

    assert ledger(gateway) == [(5, 15, 2, 0)]
    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged")]


def test_a_snapshot_that_does_not_name_the_agents_leaves_them_their_sessions(gateway: PostingHouse) -> None:
    gateway.log_on("9101", "2001", "Alice Archer")
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(5)
    gateway.link("Restored")
    gateway.snapshot()
    gateway.passes(1)
    gateway.connects("C1", "2001")
    gateway.passes(1)
    gateway.clears("C1", "2001")
    gateway.passes(2)

    assert [flags["AgentId"] for flags in gateway.flags("2001")] == ["9101"]


def test_a_snapshot_that_is_not_ended_closes_nothing_until_another_is(gateway: PostingHouse) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(5)
    gateway.hears(gateway.event("gateway.snapshot.Began"))
    gateway.passes(330)
    gateway.connects("C2", "2002")
    gateway.passes(5)
    assert ledger(gateway) == [(5, None, 0, 0)]
    assert [leg.disconnected_at for leg in gateway.legs()] == [None, None]

    gateway.snapshot(("C1", "2001"), ("C2", "2002"))
    gateway.clears("C1", "2001")
    gateway.clears("C2", "2002")
    gateway.passes(2)

    assert ledger(gateway) == [(5, 345, 2, 0)]
    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged")]


def test_a_call_that_is_reported_before_the_snapshot_is_no_late_one(gateway: PostingHouse) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(10)
    gateway.link("Restored")
    gateway.passes(1)
    gateway.connects("C2", "2002")
    gateway.passes(1)
    gateway.snapshot(("C1", "2001"), ("C2", "2002"))
    gateway.clears("C1", "2001")
    gateway.clears("C2", "2002")
    gateway.passes(2)

    assert ledger(gateway) == [(5, 17, 2, 0)]
    assert gateway.outcomes() == [("2001", "flagged"), ("2002", "flagged")]
    assert [flags["CTICallRef"] for flags in gateway.flags("2002")] == ["C2"]


def test_a_gap_of_an_extension_goes_over_into_that_of_the_whole_link(gateway: PostingHouse) -> None:
    gateway.connects("C1", "2001")
    gateway.connects("C2", "2002")
    gateway.passes(5)
    gateway.link("Lost", devices=["2002"])
    gateway.passes(5)
    gateway.link("Lost")
    gateway.passes(5)
    gateway.link("Restored")
    gateway.snapshot(("C1", "2001"))
    gateway.passes(2)

    assert ledger(gateway) == [(5, 10, 0, 0), (10, 15, 2, 0)]
    assert [(leg.device_id, leg.end_unknown) for leg in gateway.legs()] == [("2001", False), ("2002", True)]
