"""A search for a renamed agent or queue offers the recordings that QMS finds under the earlier name alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent
from calls.core.commands import NameQueue
from calls.models import QueueName
from calls.ui import renamed_entities
from calls.ui.renamed_entities import earlier_names
from cti.models import CtiSource
from tests.calls.switchboard import Switchboard, with_site
from tests.calls.test_leg_list import leg, shown

pytestmark = [pytest.mark.django_db, pytest.mark.storage]
LIST = reverse("admin:calls_leg_changelist")


@pytest.fixture
def pbx() -> CtiSource:
    """Give a source with Ann, who was called Ann Baker until an hour ago; leg N was connected N minutes ago."""
    source = CtiSource.objects.create(slug="pbx", kind="http")
    now = timezone.now()
    ann = Agent.objects.create(source=source, agent_id="9101", name="Ann Archer", first_seen_at=now, last_seen_at=now)
    ann.names.create(name="Ann Baker", since=now - timedelta(days=30))
    ann.names.create(name="Ann Archer", since=now - timedelta(hours=1))
    return source


def talked(pbx: CtiSource, minutes: int, name: str, **members: Any) -> None:
    leg(pbx, minutes, agent_id="9101", agent_name=name, **members)


@pytest.mark.parametrize("term", ["ann archer", "Ann Baker", "9101"])
def test_each_name_and_the_id_lead_to_the_recordings_of_before(pbx: CtiSource, term: str) -> None:
    talked(pbx, 5, "Ann Archer")
    talked(pbx, 90, "Ann Baker")
    talked(pbx, 91, "Ann Baker", outcome="partly_flagged")
    talked(pbx, 92, "Ann Baker", outcome="window_missed")

    (found,) = earlier_names(term)

    assert (found.name, found.now, found.recordings) == ("Ann Baker", "Ann Archer", 2)


def test_the_offer_leads_to_those_recordings_alone(pbx: CtiSource, client: Client) -> None:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    talked(pbx, 5, "Ann Archer")
    talked(pbx, 90, "Ann Baker")

    page = client.get(LIST, {"q": "Ann Archer"}).content.decode()

    assert "Ann Archer (9101) was called “Ann Baker” until" in page
    assert "1 recording flagged under that name" in page
    (found,) = earlier_names("Ann Archer")
    assert found.address.replace("&", "&amp;") in page
    assert shown(client, q="9101", agent_name__exact="Ann Baker") == ["C90"]


def test_nothing_is_offered_where_nothing_was_flagged_or_nobody_is_searched(pbx: CtiSource) -> None:
    talked(pbx, 90, "Ann Baker", outcome="not_recorded")

    assert earlier_names("Ann Archer") == earlier_names("") == earlier_names("Bob") == []


def test_many_recordings_are_not_counted_to_the_end(pbx: CtiSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed_entities, "COUNTED", 2)
    for minutes in range(90, 95):
        talked(pbx, minutes, "Ann Baker")

    assert earlier_names("9101")[0].count == "more than 2"


def test_legs_without_flags_are_not_read_to_the_end_and_the_offer_says_that_there_may_be_more(
    pbx: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renamed_entities, "READ", 2)
    talked(pbx, 90, "Ann Baker", outcome="not_recorded")
    talked(pbx, 92, "Ann Baker")
    talked(pbx, 93, "Ann Baker")
    assert earlier_names("9101")[0].count == "at least 1"

    talked(pbx, 91, "Ann Baker", outcome="not_recorded")
    assert earlier_names("9101")[0].count == "an unknown number of"


def test_the_recordings_of_another_sources_namesake_are_not_counted(pbx: CtiSource) -> None:
    other = CtiSource.objects.create(slug="other", kind="http")
    talked(pbx, 90, "Ann Baker")
    talked(other, 91, "Ann Baker")

    assert [one.count for one in earlier_names("9101")] == ["1"]


def test_a_queues_name_is_kept_when_it_is_reported_first_and_when_it_changes() -> None:
    board = Switchboard(with_site(queues=frozenset({"7002"})))
    for seconds, name in enumerate(("Sales", "Sales", "Sales North")):
        board.call("Queued", seconds, f"C{seconds}", "7001", queueName=name)
    board.call("Delivered", 9, "C9", "7002", queueName="Support").call("Queued", 10, "C10", "7001")

    named = [(one.device_id, one.name) for one in board.commands if isinstance(one, NameQueue)]
    assert named == [("7001", "Sales"), ("7001", "Sales North"), ("7002", "Support")]


@pytest.mark.parametrize("term", ["Sales North", "sales", "7001"])
def test_a_renamed_queue_leads_to_the_recordings_of_before(pbx: CtiSource, term: str) -> None:
    now = timezone.now()
    for name, hours in (("Sales", 48), ("Sales North", 1)):
        QueueName.objects.create(source=pbx, device_id="7001", name=name, since=now - timedelta(hours=hours))
    leg(pbx, 5, queue_name="Sales North")
    leg(pbx, 90, queue_name="Sales")
    leg(pbx, 91, queue_name="Sales", outcome="not_recorded")

    (found,) = earlier_names(term)

    assert (found.name, found.now, found.key, found.recordings) == ("Sales", "Sales North", "7001", 1)
