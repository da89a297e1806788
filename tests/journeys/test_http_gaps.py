"""A program that posts events over HTTP loses some of them, says so, and tells what is in progress."""

from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.test import Client

from agents.models import Presence
from calls.models import Gap, RecordingSearch
from cti.tokens import mint_token
from tests.journeys.house import House

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PostingHouse(House):
    """A house that gets its events over HTTP alone, as its program posts them."""

    def __init__(self) -> None:
        super().__init__("web")
        self.client, self.token = Client(), mint_token(self.source).text

    def hears(self, *events: dict[str, Any]) -> None:
        """Post events; all are accepted."""
        answer = self.client.post(
            "/api/events", msgspec.json.encode(events), content_type="application/cloudevents-batch+json",
            headers={"Authorization": f"Bearer {self.token}"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()["accepted"]) == (202, len(events)), answer.content

    def link(self, what: str, **data: Any) -> None:
        """Say what became of the program's own link."""
        self.hears(self.event(f"gateway.link.{what}", **data))

    def snapshot(self, *in_progress: tuple[str, str], agents: dict[str, str] | None = None, **data: Any) -> None:
        """Tell the calls in progress, and with ``agents`` who sits where."""
        seated = [self.event("csta.agent.LoggedOn", agentId=one, deviceId=at) for one, at in (agents or {}).items()]
        told: dict[str, Any] = {"agentsTold": True} if agents is not None else {}
        self.hears(
            self.event("gateway.snapshot.Began", **data), *seated,
            *(self.event("Established", callId=call, deviceId=device) for call, device in in_progress),
            self.event("gateway.snapshot.Ended", **data, **told),
        )  # fmt: skip


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> PostingHouse:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.searches.LOOK_EVERY_SECONDS", 0.001)
    return PostingHouse()


def ledger(house: House) -> list[tuple[int, int | None, int, int]]:
    """Tell each gap: from and to in seconds, legs saved, legs lost."""
    return [
        (round((one.began_at - house.begin).total_seconds()),
         round((one.ended_at - house.begin).total_seconds()) if one.ended_at else None, one.legs_saved, one.legs_lost)
        for one in Gap.objects.order_by("began_at")
    ]  # fmt: skip


def test_after_a_gap_what_vanished_is_flagged_what_goes_on_is_followed_and_what_is_new_is_joined_late(
    house: PostingHouse,
) -> None:
    for call, device in (("C1", "2001"), ("C2", "2002")):
        house.connects(call, device, callerName=f"caller of {call}", callerNameSource="isdn")
    house.passes(0.2)
    house.passes(9.8)
    house.link("Lost", reason="the switch was restarted")
    house.passes(5)
    house.qms.disconnected("2001", house.time)
    house.passes(5)
    house.qms.connected("2003", house.time)
    house.passes(20)
    assert ledger(house) == [(10, None, 0, 0)]

    house.link("Restored")
    house.snapshot(("C2", "2002"), ("C3", "2003"))
    house.passes(2)
    assert ledger(house) == [(10, 40, 2, 1)]
    house.clears("C2", "2002")
    house.clears("C3", "2003")
    house.passes(2)

    assert house.outcomes() == [("2001", "flagged"), ("2002", "flagged"), ("2003", "joined_late")]
    vanished, _, late = house.legs()
    assert vanished.end_unknown
    assert [flags["CTICallRef"] for device in ("2001", "2002") for flags in house.flags(device)] == ["C1", "C2"]
    assert house.flags("2003") == [{}]
    assert not RecordingSearch.objects.filter(leg_id=late.pk).exists()


def test_a_gap_of_one_extension_leaves_the_others_alone(house: PostingHouse) -> None:
    house.connects("C1", "2001")
    house.connects("C2", "2002")
    house.passes(5)
    house.link("Lost", devices=["2001"])
    house.passes(30)
    house.snapshot(devices=["2001"])
    house.passes(2)

    assert ledger(house) == [(5, 35, 1, 0)]
    assert [(leg.device_id, leg.end_unknown, leg.disconnected_at is None) for leg in house.legs()] == [
        ("2001", True, False), ("2002", False, True),
    ]  # fmt: skip


def test_who_left_in_a_gap_sits_nowhere_when_the_snapshot_names_all_agents(house: PostingHouse) -> None:
    house.log_on("9101", "2001", "Alice Archer")
    house.log_on("9102", "2002", "Bob Baker")
    house.passes(5)
    house.link("Lost")
    house.passes(5)
    house.link("Restored")
    house.snapshot(agents={"9102": "2002"})
    house.passes(1)
    house.connects("C1", "2001")
    house.passes(1)
    house.clears("C1", "2001")
    house.passes(2)

    assert list(Presence.objects.filter(until=None).values_list("agent_id", flat=True)) == ["9102"]
    assert ["AgentId" in flags for flags in house.flags("2001")] == [False]
