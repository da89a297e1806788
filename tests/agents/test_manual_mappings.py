"""Manual mappings: made by an administrator with a reason, kept permanently, used at once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client

from agents.api import load_directory
from agents.core.matching import MatchKind
from agents.manual_mappings import MappingRefused, map_agent, standing_mappings
from agents.models import Agent, MappingAct, QmsUser
from cti.models import CtiSource
from qms.models import DataServer, RecordingService
from tests.agents.conftest import make_service
from tests.agents.test_directories import list_user

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
ACTS = "/admin/agents/mappingact/"


@pytest.fixture
def agent(source: CtiSource) -> Agent:
    """Give an agent that no extension matches."""
    return Agent.objects.create(
        source=source, agent_id="9101", name="Alice Archer", first_seen_at=NOW, last_seen_at=NOW
    )


@pytest.fixture
def alice(north: RecordingService) -> QmsUser:
    """Give a QMS user without an extension."""
    return list_user(north, "", user_id="1001")


def say(agent: Agent, user: QmsUser | None, reason: str = "Free seating.", days: int = 0) -> MappingAct:
    return map_agent(agent, user, reason=reason, by="vera", now=NOW + timedelta(days=days))


def test_a_mapping_counts_at_once_and_only_at_its_source(source: CtiSource, agent: Agent, alice: QmsUser) -> None:
    other = CtiSource.objects.create(slug="other", kind="http")
    assert load_directory(source.pk).verdict("2001", "9101").kind is MatchKind.UNMATCHED

    say(agent, alice)

    verdict = load_directory(source.pk).verdict("2001", "9101")
    assert verdict.kind is MatchKind.MATCHED
    assert "mapped by hand by vera on 2025-03-03: Free seating." in verdict.reason
    assert not load_directory(other.pk).verdict("2001", "9101").is_by_hand


def test_the_date_is_that_of_the_sites_clock(source: CtiSource, agent: Agent, alice: QmsUser, settings: object) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"  # type: ignore[attr-defined]
    map_agent(agent, alice, reason="Night shift.", by="vera", now=datetime(2025, 3, 3, 23, tzinfo=UTC))

    assert str(standing_mappings(source.pk)[0].on) == "2025-03-04"


def test_changing_and_ending_are_new_acts_that_keep_before_and_after(
    source: CtiSource, agent: Agent, alice: QmsUser, north: RecordingService
) -> None:
    bob = list_user(north, "2002", first_name="Bob", last_name="Baker")
    say(agent, alice)
    say(agent, bob, "Mixed up.", days=1)
    say(agent, None, "Has an extension now.", days=2)

    acts = list(agent.mapping_acts.order_by("number").values_list("number", "before_name", "after_name", "reason"))
    assert acts == [
        (1, "", "Alice Archer (user 1001)", "Free seating."),
        (2, "Alice Archer (user 1001)", "Bob Baker (user 2002)", "Mixed up."),
        (3, "Bob Baker (user 2002)", "", "Has an extension now."),
    ]
    assert standing_mappings(source.pk) == []
    assert not load_directory(source.pk).verdict("2002", "9101").is_by_hand


def test_an_ended_mapping_may_be_made_again(source: CtiSource, agent: Agent, alice: QmsUser) -> None:
    for user in (alice, None, alice):
        say(agent, user)

    assert [one.user_id for one in standing_mappings(source.pk)] == ["1001"]


def test_the_same_user_listed_by_another_service_of_the_data_server_is_the_same(
    source: CtiSource, agent: Agent, alice: QmsUser
) -> None:
    say(agent, alice)
    south = make_service("south", source)
    again = list_user(south, "", user_id="1001")
    with pytest.raises(MappingRefused, match="already"):
        say(agent, again)

    alice.gone_at = NOW
    alice.save()

    assert load_directory(source.pk).verdict("2001", "9101").services == (
        *source.allocations.values_list("service_id", flat=True),
    )


def test_a_user_id_of_another_data_server_is_another_user(source: CtiSource, agent: Agent, alice: QmsUser) -> None:
    far = make_service("far", source)
    far.data_server = DataServer.objects.create(slug="far")
    far.save()
    say(agent, alice)

    say(agent, list_user(far, "", user_id="1001"), "The other site's.")

    assert standing_mappings(source.pk)[0].data_server_id == far.data_server_id


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"gone_at": NOW}, "no longer listed in QMS"),
        ({"active": False}, "not active"),
        ({"licence": "None"}, "licence"),
    ],
)
def test_a_user_who_cannot_be_recorded_is_refused(
    agent: Agent, north: RecordingService, changes: dict[str, object], reported: str
) -> None:
    with pytest.raises(MappingRefused, match=reported):
        say(agent, list_user(north, "", **changes))
    assert not MappingAct.objects.exists()


def test_without_a_reason_or_without_a_change_there_is_no_act(agent: Agent, alice: QmsUser) -> None:
    with pytest.raises(MappingRefused, match="Give a reason"):
        say(agent, alice, "  ")
    with pytest.raises(MappingRefused, match="no manual mapping"):
        say(agent, None)
    assert not MappingAct.objects.exists()


def test_the_database_takes_no_two_acts_of_one_number_and_loses_none(
    agent: Agent, alice: QmsUser, source: CtiSource
) -> None:
    say(agent, alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        MappingAct.objects.create(agent=agent, number=1, reason="Late.", by="otto", at=NOW)
    for row in (alice, agent, source):
        with pytest.raises(ProtectedError):
            row.delete()


def test_a_mapping_whose_user_is_gone_is_not_used_and_says_so(source: CtiSource, agent: Agent, alice: QmsUser) -> None:
    say(agent, alice)
    QmsUser.objects.filter(pk=alice.pk).update(gone_at=NOW)
    list_user(alice.service, "2001")

    verdict = load_directory(source.pk).verdict("2001", "9101")

    assert verdict.kind is MatchKind.UNMATCHED
    assert "QMS no longer lists that user" in verdict.reason


def post(client: Client, agent: Agent, user: QmsUser | None, reason: str) -> str:
    data = {"agent": agent.pk, "after": user.pk if user else "", "reason": reason}
    response = client.post(f"{ACTS}add/", data, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_administrator_maps_an_agent_and_sees_what_becomes_of_it(
    admin_client: Client, agent: Agent, alice: QmsUser
) -> None:
    page = post(admin_client, agent, alice, "Free seating.")

    act = MappingAct.objects.get()
    assert (act.by, act.after, act.reason) == ("admin", alice, "Free seating.")
    assert "mapped by hand by admin on" in page


@pytest.mark.parametrize("reason", ["", "   "])
def test_the_page_demands_a_reason(admin_client: Client, agent: Agent, alice: QmsUser, reason: str) -> None:
    assert "This field is required" in post(admin_client, agent, alice, reason)
    assert not MappingAct.objects.exists()


def test_the_page_says_why_it_refuses(admin_client: Client, agent: Agent, alice: QmsUser) -> None:
    assert "has no manual mapping to end" in post(admin_client, agent, None, "Over.")
    QmsUser.objects.filter(pk=alice.pk).update(active=False)
    assert "is not active in QMS" in post(admin_client, agent, alice, "Free seating.")
    assert not MappingAct.objects.exists()


def test_the_history_is_shown_with_the_list_the_act_and_the_agent(
    admin_client: Client, agent: Agent, alice: QmsUser
) -> None:
    post(admin_client, agent, alice, "Free seating.")
    post(admin_client, agent, None, "Has an extension now.")

    first = MappingAct.objects.get(number=1)
    for address in (ACTS, f"{ACTS}{first.pk}/change/", f"/admin/agents/agent/{agent.pk}/change/"):
        page = admin_client.get(address).content.decode()
        assert "Alice Archer (user 1001)" in page
        assert "Free seating." in page
    page = admin_client.get(ACTS).content.decode()
    assert page.index("Has an extension now.") < page.index("Free seating.")
    assert "replaced" in page
    assert "ended" in page


def test_an_act_is_never_changed_or_deleted(admin_client: Client, agent: Agent, alice: QmsUser) -> None:
    act = say(agent, alice)

    assert admin_client.post(f"{ACTS}{act.pk}/change/", {"reason": "Other."}).status_code == 403
    assert admin_client.post(f"{ACTS}{act.pk}/delete/", {"post": "yes"}).status_code == 403
    assert MappingAct.objects.get().reason == "Free seating."


def test_who_may_only_look_cannot_map(client: Client, django_user_model: type, agent: Agent, alice: QmsUser) -> None:
    client.force_login(django_user_model.objects.create_user("vera", is_staff=True))  # type: ignore[attr-defined]

    assert client.get(f"{ACTS}add/").status_code == 403
    assert client.post(f"{ACTS}add/", {"agent": agent.pk, "after": alice.pk, "reason": "Mine."}).status_code == 403
    assert not MappingAct.objects.exists()


def test_the_list_asks_no_more_for_more_acts(
    admin_client: Client, agent: Agent, alice: QmsUser, django_assert_max_num_queries: object
) -> None:
    for turn in range(20):
        say(agent, None if turn % 2 else alice)

    with django_assert_max_num_queries(20):  # type: ignore[operator]
        admin_client.get(ACTS)
