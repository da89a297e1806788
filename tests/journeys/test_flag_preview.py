"""The preview of the Flags with a recent real call, as a Flag is edited and for who may not see callers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from bulk.tables import UpsertTable
from calls.core.outcomes import Outcome
from calls.core.state import LegData, LegPhase, LegState
from calls.models import Leg
from calls.storage.codec import LEG_FIELDS, leg_row
from flags.models import FlagSetting
from flags.provisioning.verify_jobs import VerificationRefused, request_verification
from qms.models import DataServer
from tests.cti.examples import source

pytestmark = pytest.mark.django_db
FLAGS = "/admin/flags/flagsetting/"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _two_calls() -> None:
    """Save two flagged calls and a newer one that was not."""
    pbx = source("pbx")
    for number, outcome in ((1, Outcome.FLAGGED), (2, Outcome.FLAGGED), (3, Outcome.NOT_RECORDED)):
        facts = LegData(queue_name=f"Queue {number}", caller_name=f"Caller {number}", query_data={"order": "A-17"})
        leg = LegState(
            number=number,
            call_id=f"C{number}",
            incarnation=number,
            device_id="2001",
            ordinal=1,
            phase=LegPhase.SETTLED,
            outcome=outcome,
            connected_source_at=NOW + timedelta(minutes=number),
            connected_gateway_at=NOW,
            facts=facts,
        )
        UpsertTable(Leg, LEG_FIELDS, ["id"]).insert([leg_row(pbx.pk, leg, NOW)])


def ask(client: Client, reference: str = "", *, flag: str = "", **typed: Any) -> str:
    data: dict[str, Any] = {"preview_call": reference}
    if flag:
        row = FlagSetting.objects.get(name=flag)
        fields = ("name", "field", "max_length", "privacy", "order")
        data |= {field: getattr(row, field) for field in fields} | {"preview_flag": row.pk, "enabled": "on"} | typed
    return client.post(f"{FLAGS}preview/", data).content.decode()


def looker(client: Client, *hidden: str) -> Client:
    user = User.objects.create_user("vera", is_staff=True)
    allowed = Permission.objects.filter(codename__startswith="view_").exclude(codename__in=hidden)
    user.user_permissions.set(allowed)
    client.force_login(user)
    return client


def test_the_pages_show_the_newest_flagged_call(admin_client: Client) -> None:
    row = FlagSetting.objects.get(name="QueueName")

    for page in (FLAGS, f"{FLAGS}{row.pk}/change/", f"{FLAGS}add/"):
        text = admin_client.get(page).content.decode()
        assert "Queue 2" in text
        assert "Queue 3" not in text


def test_a_call_is_picked_by_its_reference(admin_client: Client) -> None:
    assert "Caller 1" in ask(admin_client, "C1")


def test_a_reference_of_no_call_is_reported(admin_client: Client) -> None:
    page = ask(admin_client, "C\x009")

    assert "No call has this reference" in page
    assert "Queue 2" in page


@pytest.mark.parametrize(
    ("typed", "reported"),
    [
        ({"name": "Line"}, "Line (being edited)"),
        ({"field": "query:order"}, "A-17"),
        ({"max_length": 3}, "Qu… (cut)"),
        ({"privacy": "hash"}, "(keyed hash)"),
        ({"privacy": "drop"}, "Its privacy says so."),
        ({"enabled": ""}, "It is switched off."),
        ({"field": "wrapup"}, "The call has no value for it."),
    ],
)
def test_the_preview_follows_what_is_typed_and_saves_nothing(
    admin_client: Client, typed: dict[str, Any], reported: str
) -> None:
    before = list(FlagSetting.objects.values())

    page = ask(admin_client, flag="QueueName", **typed)

    assert reported in page
    assert list(FlagSetting.objects.values()) == before
    assert not LogEntry.objects.exists()


def test_the_order_typed_is_the_order_shown(admin_client: Client) -> None:
    page = ask(admin_client, flag="QueueName", order=0)

    assert page.index("QueueName") < page.index("AgentId")


def test_a_fault_in_what_is_typed_is_reported_and_the_saved_flags_are_shown(admin_client: Client) -> None:
    page = ask(admin_client, flag="QueueName", field="colour")

    assert "A call has no such field" in page
    assert "Queue 2" in page


@pytest.mark.parametrize("privacy", ["keep", "mask", "hash"])
def test_who_may_not_see_callers_sees_no_callers_data_whatever_the_privacy(client: Client, privacy: str) -> None:
    page = ask(looker(client, "view_caller"), flag="CallerName", privacy=privacy)

    assert "Caller 2" not in page
    assert "keyed hash" not in page
    assert "may not see callers" in page
    assert "Queue 2" in page


def test_who_may_not_see_calls_sees_an_example(client: Client) -> None:
    page = ask(looker(client, "view_leg"), "C1")

    assert "Alice Archer" in page
    assert "Queue 1" not in page


def test_who_may_not_see_flags_gets_no_preview(client: Client) -> None:
    assert looker(client, "view_flagsetting").post(f"{FLAGS}preview/").status_code == 403


def test_before_the_first_flagged_call_an_example_is_shown(admin_client: Client) -> None:
    Leg.objects.all().delete()

    page = admin_client.get(FLAGS).content.decode()

    assert "No call was flagged yet" in page
    assert "Alice Archer" in page


def test_a_recording_that_a_leg_holds_is_refused_for_a_verification_of_new_flags() -> None:
    server = DataServer.objects.create(slug="main")
    guid = "0b9c1d6e-7f0b-4f0e-9d5a-2f6d1c3b9a10"
    Leg.objects.filter(call_id="C3").update(recording_guid=guid)

    with pytest.raises(VerificationRefused, match="recording of a call"):
        request_verification(server, f"{{{guid.upper()}}}", "ann", NOW)
