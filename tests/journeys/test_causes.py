"""A page per cause: how many, since when, where, what to do; resolved or muted with a reason, and back again."""

import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from calls.models import CauseDecision, Leg
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PAGE = "/admin/causes/user_unmatched/"


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    unmatched(gateway, "C1", "2900")
    unmatched(gateway, "C2", "2900")
    unmatched(gateway, "C3", "2901")
    return gateway


def unmatched(gateway: GatewayStack, call_id: str, extension: str) -> None:
    gateway.passes(1)
    gateway.call("Established", call_id, extension)
    gateway.passes(5)
    gateway.call("ConnectionCleared", call_id, extension)
    gateway.passes(130)


def as_role(client: Client, role: str) -> Client:
    user = User.objects.create_user(role.lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_cause_says_how_many_where_and_what_to_do(gateway: GatewayStack, client: Client) -> None:
    operator = as_role(client, "Operator")
    listed, page = text(operator, "/admin/causes/"), text(operator, PAGE)

    assert f'href="{PAGE}">user unmatched' in listed
    assert "3 legs</a> in the last 30 days, 3 today; first seen 2026-03-02, last seen 2026-03-02" in page
    assert "Create the user in QMS with exactly this extension" in page
    assert ">2900</a>: 2" in page
    assert ">2901</a>: 1" in page
    assert f"/admin/calls/leg/{Leg.objects.get(call_id='C3').pk}/change/" in page


def test_a_resolved_cause_is_back_when_a_later_leg_has_it(gateway: GatewayStack, client: Client) -> None:
    operator = as_role(client, "Operator")
    operator.post(PAGE, {"state": "resolved", "reason": "Users created."})
    assert "State: resolved" in text(operator, PAGE)
    assert "Resolved by operator at 2026-03-02" in text(operator, PAGE)

    unmatched(gateway, "C4", "2901")

    assert "State: open, back after it was resolved" in text(operator, PAGE)
    assert "back after “resolved”" in text(operator, "/admin/causes/")
    assert LogEntry.objects.filter(change_message__contains="Users created.").exists()


def test_a_muted_cause_stays_muted(gateway: GatewayStack, client: Client) -> None:
    operator = as_role(client, "Operator")
    operator.post(PAGE, {"state": "muted", "reason": "A lobby phone."})
    unmatched(gateway, "C4", "2901")

    assert "State: muted" in text(operator, PAGE)


def test_a_decision_needs_a_reason_and_the_right(gateway: GatewayStack, client: Client) -> None:
    operator = as_role(client, "Operator")
    answer = operator.post(PAGE, {"state": "muted", "reason": " "})
    assert "Give the reason" in answer.content.decode()

    supervisor = as_role(client, "Supervisor")
    assert "Decide about this cause" not in text(supervisor, PAGE)
    assert supervisor.post(PAGE, {"state": "muted", "reason": "x"}).status_code == 403
    assert not CauseDecision.objects.exists()


@pytest.mark.parametrize("address", ["/admin/causes/nonsense/", "/admin/causes/refused/", f"{PAGE}?reason=other"])
def test_a_cause_that_no_leg_has_is_not_found(gateway: GatewayStack, admin_client: Client, address: str) -> None:
    assert admin_client.get(address).status_code == 404
