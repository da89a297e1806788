"""One box finds everything, in any case and notation, and shows each person only what they may see."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from agents.models import Agent, QmsUser
from calls.models import Leg, QueueName
from flags.models import FlagSetting
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    gateway.log_on("9117", "2001", "Quinn Quist")
    gateway.connects(
        "ab3F", "2001", queueName="Hotline", queueId="7000", interactionId="Int-77", callingDeviceId="+442079465199"
    )
    gateway.passes(1)
    gateway.clears("ab3F", "2001")
    gateway.passes(200)
    QueueName.objects.create(source=gateway.source, device_id="7000", name="Hotline", since=gateway.begin)
    Leg.objects.update(calling_number="+442079465199", caller_name="Jo Caller", interaction_id="Int-77")
    return gateway


def found(client: Client, term: str) -> str:
    answer = client.post(reverse("find"), {"q": term, "list": "1"})
    assert answer.status_code == 200
    return answer.content.decode()


def leg_address() -> str:
    return f'href="{reverse("admin:calls_leg_change", args=[Leg.objects.get().pk])}"'


@pytest.mark.parametrize("term", ["ab3F", "AB3F", " AB3F "])
def test_a_call_reference_is_found_in_any_case(gateway: GatewayStack, admin_client: Client, term: str) -> None:
    Leg.objects.update(call_id="AB3F" if term.strip() == "AB3F" else "ab3F")

    assert leg_address() in found(admin_client, term)


def test_a_reference_in_small_letters_finds_one_in_capitals(gateway: GatewayStack, admin_client: Client) -> None:
    Leg.objects.update(call_id="AB3F")

    assert leg_address() in found(admin_client, "ab3f")


@pytest.mark.parametrize("shape", ["{%s}", "%s"])
@pytest.mark.parametrize("change", [str.upper, str.lower, lambda guid: guid.replace("-", "")])
def test_a_recording_is_found_by_its_guid_with_or_without_braces(
    gateway: GatewayStack, admin_client: Client, shape: str, change: Callable[[str], str]
) -> None:
    guid = Leg.objects.get().recording_guid or ""

    assert leg_address() in found(admin_client, shape % change(guid))


@pytest.mark.parametrize(
    "term", ["+442079465199", "00442079465199", "+44 20 7946 5199", "+44 (20) 7946-5199", "020 7946 5199", "2079465199"]
)
def test_a_caller_is_found_in_any_notation_by_those_who_may(
    gateway: GatewayStack, admin_client: Client, client: Client, term: str
) -> None:
    assert "Jo Caller" in found(admin_client, term)

    auditor = User.objects.create_user("ann", is_staff=True)
    auditor.groups.add(Group.objects.get(name="Auditor"))
    client.force_login(auditor)
    assert "Jo Caller" not in found(client, term)
    assert "+442079465199" not in found(client, term).replace(term, "")


@pytest.mark.parametrize(
    ("term", "kind", "name"),
    [
        ("2001", "Extension", "2001"),
        ("hot", "Queue", "Hotline"),
        ("quis", "Agent", "Quinn Quist (9117)"),
        ("9117", "Agent", "Quinn Quist (9117)"),
        ("int-77", "Interaction", "Int-77"),
        ("rs1", "Configuration", "rs1"),
        ("CTIWrap", "Configuration", "CTIWrapup"),
        ("window", "Setting", "GUID window, seconds"),
        ("quaran", "Page", "Quarantined messages"),
    ],
)
def test_each_kind_of_thing_is_found(
    gateway: GatewayStack, admin_client: Client, term: str, kind: str, name: str
) -> None:
    if kind == "Interaction":
        Leg.objects.update(interaction_id="INT-77")
        name = "INT-77"
    text = found(admin_client, term)

    assert f'aria-label="{kind}"' in text
    assert name in text.partition(f'aria-label="{kind}"')[2]


def test_every_address_that_is_offered_opens(gateway: GatewayStack, admin_client: Client) -> None:
    for term in ("2001", "hot", "quinn", "ab3F", "rs1", "window", "a"):
        for address in re.findall(r'href="([^"]+)"', found(admin_client, term)):
            assert admin_client.get(address.replace("&amp;", "&")).status_code == 200, address


def test_a_person_finds_only_what_their_role_may_see(gateway: GatewayStack, client: Client) -> None:
    user = User.objects.create_user("page-boy", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_flagsetting"))
    client.force_login(user)

    assert "Quinn" not in found(client, "quinn")
    assert 'aria-label="Call"' not in found(client, "ab3F")
    assert "rs1" not in found(client, "rs1").replace("by “rs1”", "")
    assert "CTIWrapup" in found(client, "CTIWrapup")


@pytest.mark.parametrize("term", ["", " ", "\0", "%", "'", "x" * 5000, "+", "((((", "{" * 40, "0" * 300])
def test_odd_terms_find_nothing_and_harm_nothing(gateway: GatewayStack, admin_client: Client, term: str) -> None:
    found(admin_client, term)


def test_without_script_the_box_leads_to_a_page(gateway: GatewayStack, admin_client: Client) -> None:
    page = admin_client.post(reverse("find"), {"q": "ab3F"}).content.decode()

    assert leg_address() in page
    assert 'value="ab3F"' in page


def test_many_legs_of_a_call_are_offered_as_a_list(gateway: GatewayStack, admin_client: Client) -> None:
    leg = Leg.objects.get()
    for number in range(1, 9):
        leg.pk, leg.ordinal, leg.recording_guid = leg.pk + number, number + 1, None
        leg.connected_at += timedelta(seconds=1)
        leg.save(force_insert=True)

    assert "All legs of ab3F" in found(admin_client, "ab3F")


def test_the_models_that_are_searched_have_rows(gateway: GatewayStack) -> None:
    assert Agent.objects.exists()
    assert QmsUser.objects.exists()
    assert FlagSetting.objects.exists()
