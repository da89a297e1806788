"""The number of legs that a list states is that of the legs that its filters leave, and is not stated where unknown."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import QmsUser
from calls.models import Leg
from calls.stats.dimensions_rebuild import recount_dimensions
from calls.storage.codec import leg_key
from calls.ui.leg_total import decided_total
from cti.models import CtiSource
from qms.models import DataServer, RecordingService

pytestmark = [pytest.mark.django_db, pytest.mark.storage]
NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
OUTCOMES = (("flagged", ""), ("flagged", ""), ("not_recorded", "none"), ("refused", "UnknownFlag"), ("waiting", ""))
ASKED: tuple[dict[str, str], ...] = (
    {},
    {"flagged": "no"},
    {"flagged": "yes", "when": "today"},
    {"when": "yesterday"},
    {"when": "week", "flagged": "decided"},
    {"when": "month", "queue": "Queue 1"},
    {"queue": "(none)"},
    {"team": "Sales"},
    {"team": "Sales", "queue": "Queue 1"},
    {"agent": "a1", "flagged": "no"},
    {"extension": "2001", "when": "today"},
    {"outcome__exact": "not_recorded", "reason": "none"},
    {"reason": "UnknownFlag"},
    {"connected_at_from_0": "2026-03-03", "connected_at_from_1": "00:00:00"},
    {"connected_at_to_0": "2026-03-02", "connected_at_to_1": "23:59:59.999999", "queue": "Queue 0"},
)


@pytest.fixture
def legs(monkeypatch: pytest.MonkeyPatch) -> list[Leg]:
    """Give legs of forty days, each with other dimensions, and their counts."""
    monkeypatch.setattr("clock.now", lambda: NOW)
    source = CtiSource.objects.create(slug="main", kind="http")
    server = DataServer.objects.create(slug="ds")
    service = RecordingService.objects.create(slug="rs", data_server=server, url="http://127.0.0.1:1/")
    QmsUser.objects.create(service=service, user_id="u1", extension="2001", department_name="Sales", loaded_at=NOW)
    made = [_leg(source, number) for number in range(1, 200)]
    recount_dimensions(NOW)
    return made


def _leg(source: CtiSource, number: int) -> Leg:
    outcome, reason = OUTCOMES[number % len(OUTCOMES)]
    return Leg.objects.create(
        id=leg_key(source.pk, number),
        source=source,
        call_id=f"C{number}",
        device_id=f"{2001 + number % 7 % 3}",
        agent_id=f"a{number % 4}",
        queue_name=("", "Queue 0", "Queue 1")[number % 3 if number % 2 else 1],
        phase="open" if outcome == "waiting" else "settled",
        outcome=outcome,
        reason_code=reason,
        connected_at=NOW - timedelta(hours=number * number % 950),
        folded_at=NOW,
        facts=b"",
    )


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_total_is_the_number_of_decided_legs_that_the_list_has(
    asked: dict[str, str], legs: list[Leg], admin_client: Client
) -> None:
    listed = admin_client.get(reverse("admin:calls_leg_changelist"), asked).context["cl"]

    decided = listed.filtered.exclude(outcome="waiting").count()
    assert listed.total == decided
    assert 0 < decided < len(legs)


@pytest.mark.parametrize(
    "asked",
    [
        {"outcome__exact": "waiting"},
        {"phase": "open"},
        {"when": "someday"},
        {"connected_at_from_0": "2026-03-03", "connected_at_from_1": "08:00:00"},
        {"connected_at_to_0": "2026-03-03"},
        {"connected_at_from_0": "2026-13-03"},
    ],
    ids=str,
)
def test_what_the_counts_do_not_know_has_no_total(asked: dict[str, str]) -> None:
    assert decided_total(asked, NOW) is None


def test_a_search_has_no_total(legs: list[Leg], admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:calls_leg_changelist"), {"q": "2001"}).context["cl"].total is None
