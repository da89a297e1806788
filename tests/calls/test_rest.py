"""``GET /api/legs``: what a token may see, filtered, in pages; a question that cannot be read is refused by name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from calls.models import Leg
from calls.storage.codec import leg_key
from cti.http_intake.tokens import mint_token, revoke_token
from cti.models import CtiSource, Scope
from flags.models import FlagValue, FlagWrite, WriteState
from qms.models import DataServer, RecordingService
from tests.cti.examples import source

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def leg(of: CtiSource, number: int, **members: Any) -> Leg:
    """Save a leg, as the consumer would, this many minutes after nine."""
    usual: dict[str, Any] = {
        "call_id": f"C{number}",
        "device_id": "2001",
        "phase": "settled",
        "outcome": "not_recorded",
        "connected_at": NINE + timedelta(minutes=number),
        "folded_at": NINE,
        "facts": b"",
    }
    return Leg.objects.create(id=leg_key(of.pk, number), source=of, **{**usual, **members})


class Asking:
    """A client with a token of one source."""

    def __init__(self, of: CtiSource, scope: str = Scope.READ) -> None:
        self.token = mint_token(of, scope)

    def get(self, **query: Any) -> Any:
        """Ask for legs."""
        return Client().get("/api/legs", query, headers={"Authorization": f"Bearer {self.token.text}"})

    def legs(self, **query: Any) -> list[dict[str, Any]]:
        """Ask for legs and return them."""
        answer = self.get(**query)
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()["legs"]
        return found

    def calls(self, **query: Any) -> list[str]:
        """Ask for legs and return their calls."""
        return [one["callId"] for one in self.legs(**query)]


@pytest.fixture
def asking() -> Asking:
    """Give a client of a source with five legs."""
    pbx = source("pbx")
    for number in range(1, 6):
        leg(pbx, number, device_id=f"200{number % 2}", outcome="waiting" if number == 5 else "not_recorded")
    return Asking(pbx)


def flagged_leg(of: CtiSource) -> Leg:
    """Save a leg with a recording that carries flags, and a wrap-up on its way."""
    service = RecordingService.objects.create(
        slug="rs1", data_server=DataServer.objects.create(slug="ds1"), url="http://q"
    )
    row = leg(
        of,
        7,
        interaction_id="I7",
        agent_id="9101",
        agent_name="Alice",
        queue_name="Sales",
        caller_name="Jo",
        calling_number="+44",
        called_number="2000",
        direction="inbound",
        outcome="flagged",
        recording_guid="G7",
        service=service,
        disconnected_at=NINE + timedelta(minutes=9),
    )
    for part, state, name in (("base", WriteState.WRITTEN, "AgentId"), ("wrapup", WriteState.QUEUED, "CTIWrapup")):
        write = FlagWrite.objects.create(
            leg_id=row.pk,
            source_id=of.pk,
            service=service,
            recording_guid="G7",
            part=part,
            state=state,
            not_before=NINE,
            created_at=NINE,
        )
        FlagValue.objects.create(write=write, recording_guid="G7", name=name, value="9101")
    return row


def test_legs_come_newest_first(asking: Asking) -> None:
    assert asking.calls() == ["C5", "C4", "C3", "C2", "C1"]


def test_a_leg_says_what_is_known_of_it_and_the_flags_that_qms_took() -> None:
    pbx = source("pbx")
    row = flagged_leg(pbx)

    assert Asking(pbx).legs() == [
        {
            "id": str(row.pk),
            "source": "pbx",
            "callId": "C7",
            "deviceId": "2001",
            "interactionId": "I7",
            "agentId": "9101",
            "agentName": "Alice",
            "queueName": "Sales",
            "callerName": "Jo",
            "callingNumber": "+44",
            "calledNumber": "2000",
            "direction": "inbound",
            "connectedAt": "2026-03-02T09:07:00Z",
            "disconnectedAt": "2026-03-02T09:09:00Z",
            "endUnknown": False,
            "recordingGuid": "G7",
            "recordingService": "rs1",
            "outcome": "flagged",
            "reason": None,
            "flags": {"AgentId": "9101"},
        }
    ]


def test_what_is_not_known_of_a_leg_is_null(asking: Asking) -> None:
    newest = asking.legs()[0]

    empty = {name for name, value in newest.items() if value is None}
    assert {"agentId", "queueName", "callerName", "disconnectedAt", "recordingGuid"} <= empty
    assert newest["flags"] == {}


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ({"call": "C3"}, ["C3"]),
        ({"call": "c3"}, []),
        ({"extension": "2000"}, ["C4", "C2"]),
        ({"extension": "200"}, []),
        ({"outcome": "waiting"}, ["C5"]),
        ({"source": "pbx", "extension": "2001", "outcome": "not_recorded"}, ["C3", "C1"]),
        ({"source": "other"}, []),
        ({"since": "2026-03-02T09:04:00Z"}, ["C5", "C4"]),
        ({"since": "2026-03-02T10:04:00+01:00"}, ["C5", "C4"]),
        ({"call": ""}, ["C5", "C4", "C3", "C2", "C1"]),
    ],
)
def test_legs_are_filtered_exactly(asking: Asking, query: dict[str, str], calls: list[str]) -> None:
    assert asking.calls(**query) == calls


def test_pages_follow_each_other_without_gap_or_repetition(asking: Asking) -> None:
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = asking.get(limit=2, **({"cursor": cursor} if cursor else {})).json()
        pages.append([one["callId"] for one in page["legs"]])
        cursor = page["next"]

    assert pages == [["C5", "C4"], ["C3", "C2"], ["C1"]]


def test_a_leg_that_comes_between_two_pages_moves_none(asking: Asking) -> None:
    first = asking.get(limit=2).json()
    leg(CtiSource.objects.get(), 6)

    assert asking.calls(limit=2, cursor=first["next"]) == ["C3", "C2"]


def test_a_full_last_page_has_no_next(asking: Asking) -> None:
    assert asking.get(limit=5).json()["next"] is None


def test_a_page_costs_the_same_few_queries_whatever_its_size(
    asking: Asking, django_assert_max_num_queries: Any
) -> None:
    asking.get()
    with django_assert_max_num_queries(3):
        asking.get(limit=1000)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "9" * 30}, "cursor"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-13-02T09:00:00Z"}, "since"),
        ({"since": "2026-03-02T09:00:00"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"outcome": "lost"}, "outcome"),
        ({"call": "C1\0"}, "call"),
        ({"source": "\0"}, "source"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(asking: Asking, query: dict[str, str], named: str) -> None:
    answer = asking.get(**query)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{named}:")


def test_a_token_sees_only_its_own_sources_legs(asking: Asking) -> None:
    other = source("other")
    leg(other, 1, call_id="X1")

    assert asking.calls(source="other") == []
    assert Asking(other).calls() == ["X1"]


def test_a_token_that_writes_may_read_too() -> None:
    pbx = source("pbx")
    leg(pbx, 1)

    assert Asking(pbx, Scope.WRITE).calls() == ["C1"]


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer qms_no"}, {"Authorization": "Basic eA=="}]
)
def test_without_a_valid_token_nothing_is_reported(header: dict[str, str]) -> None:
    answer = Client().get("/api/legs", headers=header)

    assert (answer.status_code, set(answer.json())) == (401, {"error"})
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_token_opens_nothing(asking: Asking) -> None:
    revoke_token(asking.token.row)

    assert asking.get().status_code == 401


def test_legs_are_only_read() -> None:
    assert Client().post("/api/legs", {}).status_code == 405


def test_the_pages_of_an_extension_follow_one_another_by_time(asking: Asking) -> None:
    pbx = CtiSource.objects.get(slug="pbx")
    for number in range(6, 30):
        leg(pbx, 40 - number, device_id="3001", connected_at=NINE + timedelta(minutes=(40 - number) // 4))
    seen: list[str] = []
    asked: dict[str, Any] = {"extension": "3001", "limit": 5}
    while asked.get("cursor", "") is not None:
        page = asking.get(**asked).json()
        seen += [one["callId"] for one in page["legs"]]
        asked["cursor"] = page["next"]

    assert seen == [f"C{40 - number}" for number in range(6, 30)]
