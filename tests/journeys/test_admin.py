"""The admin as people see it: each page opens, GET changes nothing, the dashboard shows true numbers."""

from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

import clock
from calls.models import Leg
from qms.connection_tests import run_connection_test
from qms.models import ConnectionTest
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with one flagged leg and one at an extension that QMS does not know."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.log_on("9101", "2001", "Alice Archer")
    one.connects("C1", "2001", callerName="Jo <b>", callerNameSource="isdn", queueName="Sales")
    one.call("Established", "C2", "2900")
    one.passes(0.2)
    one.call("Held", "C1", "2001")
    one.passes(3)
    one.clears("C1", "2001")
    one.passes(1.2)
    return one


@pytest.fixture
def operator(client: Client) -> Client:
    """Give a client that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def test_every_page_of_the_admin_opens(gateway: GatewayStack, operator: Client) -> None:
    for model in admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert operator.get(page).status_code == 200, page


def test_the_page_of_a_leg_says_flags_times_and_how_it_came_about(gateway: GatewayStack, operator: Client) -> None:
    leg = Leg.objects.get(call_id="C1")
    page = operator.get(reverse("admin:calls_leg_change", args=[leg.pk])).content.decode()

    assert "Alice Archer" in page
    assert "Jo &lt;b&gt;" in page
    assert "ms after connect (1 attempt)." in page
    assert "What to do" not in page, "nothing is to be done"
    assert "On hold" in page


def test_the_page_of_a_leg_that_is_not_flagged_says_what_to_do(gateway: GatewayStack, operator: Client) -> None:
    leg = Leg.objects.get(call_id="C2")
    page = operator.get(reverse("admin:calls_leg_change", args=[leg.pk])).content.decode()

    assert "Create the user in QMS" in page
    assert "No flags were sent" in page


def test_the_dashboard_of_an_empty_system_leads_through_it(redis: redis_client.Redis, operator: Client) -> None:
    page = operator.get(reverse("admin:index")).content.decode()

    assert "First steps" in page
    assert reverse("admin:qms_dataserver_add") in page


def test_the_dashboard_counts_what_is_in_progress(gateway: GatewayStack, operator: Client) -> None:
    page = operator.get(reverse("admin:index"))

    assert page.context["figures"].in_progress == str(Leg.objects.filter(phase="open").count()) == "1"
    assert page.status_code == 200


def test_a_leg_can_be_neither_changed_nor_deleted_nor_made_by_hand(gateway: GatewayStack, operator: Client) -> None:
    leg = Leg.objects.get(call_id="C1")
    for name, words in (("change", [leg.pk]), ("delete", [leg.pk]), ("add", [])):
        answer = operator.post(reverse(f"admin:calls_leg_{name}", args=words), {"post": "yes"})
        assert answer.status_code == 403

    assert Leg.objects.filter(pk=leg.pk).exists()


def test_nobody_sees_a_page_without_logging_in(gateway: GatewayStack, client: Client) -> None:
    assert client.get(reverse("admin:calls_leg_changelist")).status_code == 302


def test_the_installation_is_tested_by_a_worker_while_the_page_follows(gateway: GatewayStack, operator: Client) -> None:
    page, steps = reverse("test-installation"), reverse("installation-steps")
    assert b"changes nothing" in operator.get(page).content

    shown = operator.post(page, follow=True).content.decode()
    assert "database" in shown
    assert "Recording Service rs1: being tested" in shown
    assert f'hx-get="{steps}"' in shown
    run_connection_test(gateway.service.pk, ConnectionTest.objects.get().run)

    reported = operator.get(steps).content.decode()
    assert "Recording Service rs1: Reach" in reported
    assert "clocks" in reported
    assert "What to do:" in reported
    assert "hx-get" not in reported
    file = operator.get(page, {"download": "1"})
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert b"rs1: Reach" in file.content
    assert b"Alice" not in file.content


def test_a_test_that_no_worker_takes_says_so(
    gateway: GatewayStack, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.post(reverse("test-installation"))
    later = clock.now() + timedelta(minutes=5)
    monkeypatch.setattr("clock.now", lambda: later)

    reported = operator.get(reverse("installation-steps")).content.decode()

    assert "its worker was stopped, or none was there" in reported
    assert "hx-get" not in reported


def test_the_installation_page_is_for_those_who_may_see_the_services(gateway: GatewayStack, client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(reverse("test-installation")).status_code == 403


def test_the_dashboard_shows_no_calls_to_those_who_may_not_see_them(gateway: GatewayStack, client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    page = client.get(reverse("admin:index"))

    assert page.context["figures"] is None
    assert b"2900" not in page.content


def test_the_dashboard_never_says_that_all_is_well_where_nothing_works(
    redis: redis_client.Redis, operator: Client
) -> None:
    page = operator.get(reverse("admin:index"))

    assert not page.context["figures"].sentence.is_well
    assert "All is well" not in page.content.decode()
