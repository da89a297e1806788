"""The administrator's pages of sources, tokens and quarantine: true sentences, no secrets, changes only by POST."""

from datetime import timedelta
from typing import Any

import pytest
import redis as redis_client
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

import clock
from cti.http_intake.tokens import Unauthorized, authorize, mint_token
from cti.journal.lease import Lease, LeaseStanding, Standby
from cti.models import CtiSource, IntakeToken, LinkState, LinkStatus, QuarantinedMessage, Scope
from cti.status_text import link_sentences
from tests.cti.examples import AT, source
from vault.fields import Secret

pytestmark = pytest.mark.django_db

NAMES = ["ctisource", "intaketoken", "quarantinedmessage"]


@pytest.fixture
def pbx() -> CtiSource:
    return source(
        "pbx",
        "csta_xml",
        host="10.0.0.5",
        port=5555,
        secret=Secret("s3cret"),
        devices=["2001", "0123"],
        queues={"7000": "Sales"},
    )


def quarantined(pbx: CtiSource, raw: bytes = b"<Event>\x07</Event>") -> QuarantinedMessage:
    return QuarantinedMessage.objects.create(
        source=pbx, at=AT, kind="message", error="no such element", place="line 1", raw=raw, size=len(raw), count=3
    )


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(f"admin:cti_{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def filled(**changes: str) -> dict[str, str]:
    """Return the form of a source as the page shows it, with changes."""
    return {
        "slug": "pbx",
        "kind": "csta_xml",
        "enabled": "on",
        "host": "10.0.0.5",
        "port": "5555",
        "username": "",
        "new_secret": "",
        "secret_env": "",
        "device_lines": "2001\n0123",
        "queue_lines": "7000 = Sales",
        "options": "{}",
        "seating": "hot_desk",
        "ca_file": "",
        "canary_minutes": "15",
        "canary_way": "events",
    } | changes


def test_every_list_and_page_opens(admin_client: Client, pbx: CtiSource) -> None:
    mint_token(pbx, name="switch room")
    quarantined(pbx)

    for name in NAMES:
        page(admin_client, f"{name}_changelist")
    for row in (pbx, IntakeToken.objects.get(), QuarantinedMessage.objects.get()):
        page(admin_client, f"{row._meta.model_name}_change", row.pk)
    page(admin_client, "ctisource_add")
    page(admin_client, "intaketoken_add")


def test_no_page_shows_a_secret(admin_client: Client, pbx: CtiSource) -> None:
    token = mint_token(pbx)

    shown = [page(admin_client, f"{name}_changelist") for name in NAMES]
    shown += [page(admin_client, "ctisource_change", pbx.pk), page(admin_client, "intaketoken_change", token.row.pk)]

    assert not [text for text in shown if "s3cret" in text or token.text in text or token.row.digest in text]


def test_a_source_is_edited_in_lines_and_keeps_its_secret(admin_client: Client, pbx: CtiSource) -> None:
    form = filled(device_lines=" 2001 \n\n2003", queue_lines="7000=Sales\n7001 = After sales = B")

    answer = admin_client.post(reverse("admin:cti_ctisource_change", args=[pbx.pk]), form)

    assert answer.status_code == 302
    row = CtiSource.objects.get()
    assert (row.devices, row.queues) == (["2001", "2003"], {"7000": "Sales", "7001": "After sales = B"})
    assert row.secret.reveal() == "s3cret"


def test_a_secret_can_be_set_and_forgotten(admin_client: Client, pbx: CtiSource) -> None:
    url = reverse("admin:cti_ctisource_change", args=[pbx.pk])

    admin_client.post(url, filled(new_secret=" new one "))
    assert CtiSource.objects.get().secret.reveal() == " new one "
    admin_client.post(url, filled(forget_secret="on"))
    assert CtiSource.objects.get().secret == ""


def test_a_queue_that_cannot_be_read_is_reported(admin_client: Client, pbx: CtiSource) -> None:
    answer = admin_client.post(reverse("admin:cti_ctisource_change", args=[pbx.pk]), filled(queue_lines="7000 Sales"))

    assert "Write DEVICE = NAME" in answer.content.decode()


def test_a_token_is_shown_once_in_the_answer_to_the_post(admin_client: Client) -> None:
    web = source()

    answer = admin_client.post(
        reverse("admin:cti_intaketoken_add"), {"source": web.pk, "name": "shop", "scope": Scope.WRITE}
    )

    shown = answer.content.decode()
    text = shown.split('<code id="token">')[1].split("</code>")[0]
    assert authorize(f"Bearer {text}", Scope.WRITE).slug == "web"
    assert "no-store" in answer.headers["Cache-Control"]
    assert text not in page(admin_client, "intaketoken_changelist")


def test_tokens_are_revoked_by_post_alone(admin_client: Client) -> None:
    token = mint_token(source())
    url = reverse("admin:cti_intaketoken_changelist")
    form: dict[str, Any] = {"action": "revoke", "_selected_action": [token.row.pk]}

    admin_client.get(url, form)
    assert authorize(f"Bearer {token.text}", Scope.WRITE)
    admin_client.post(url, form)

    with pytest.raises(Unauthorized):
        authorize(f"Bearer {token.text}", Scope.WRITE)


def test_a_broken_message_is_readable_and_ticked_off_by_post_alone(admin_client: Client, pbx: CtiSource) -> None:
    row = quarantined(pbx)
    assert "&lt;Event&gt;\\x07&lt;/Event&gt;" in page(admin_client, "quarantinedmessage_change", row.pk)
    url = reverse("admin:cti_quarantinedmessage_changelist")
    form: dict[str, Any] = {"action": "tick_off", "_selected_action": [row.pk]}

    admin_client.get(url, form)
    assert QuarantinedMessage.objects.get().seen_at is None
    admin_client.post(url, form)
    assert QuarantinedMessage.objects.get().seen_at


def test_who_may_only_look_can_change_nothing(client: Client, pbx: CtiSource) -> None:
    viewer = User.objects.create_user("viewer", password="x", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_", content_type__app_label="cti"))
    client.force_login(viewer)
    row, token = quarantined(pbx), mint_token(pbx)

    for name, action, pk in (("quarantinedmessage", "tick_off", row.pk), ("intaketoken", "revoke", token.row.pk)):
        page(client, f"{name}_changelist")
        client.post(reverse(f"admin:cti_{name}_changelist"), {"action": action, "_selected_action": [pk]})
    client.post(reverse("admin:cti_intaketoken_add"), {"source": pbx.pk, "scope": Scope.WRITE})

    assert QuarantinedMessage.objects.get().seen_at is None
    assert IntakeToken.objects.get().revoked_at is None


def test_the_list_of_sources_asks_the_database_once_for_all(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        LinkStatus.objects.create(source=source(f"pbx-{number}", "csta_xml"), state=LinkState.UP)

    with django_assert_max_num_queries(12):  # Three ask for the second factors of the session, one for saved views.
        page(admin_client, "ctisource_changelist")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"state": LinkState.UP}, "The link is up since 20"),
        ({"state": LinkState.DOWN, "last_error": "no connection"}, "no connection"),
        ({"state": LinkState.SPOOLING, "spooled": 12}, "12 events wait in its file"),
        (
            {"state": LinkState.UP, "monitors_refused": {"2001": "unknown"}},
            "monitor 1 device, whose calls",
        ),
        (
            {"state": LinkState.UP, "events": 40, "events_per_second": 2.5},
            "40 events since the listener began to lead, 2.5",
        ),
        ({"state": LinkState.UP, "events": 0}, "No event has come since the listener began to lead; the last at 20"),
        ({"state": LinkState.UP, "last_event_at": None}, "No event has come since the listener started."),
        ({"state": LinkState.UP, "reported_at": AT}, "Is it still running?"),
        (
            {"state": LinkState.UP, "reported_at": AT, "events": 40},
            "40 events since the listener began to lead, the last",
        ),
        ({"state": LinkState.UP, "leading_since": AT}, "host:1 leads since 2026"),
    ],
)
def test_the_link_is_reported_in_sentences(pbx: CtiSource, members: dict[str, Any], expected: str) -> None:
    now = timezone.now()
    reported: dict[str, Any] = {
        "leader": "host:1",
        "since": now,
        "reported_at": now - timedelta(seconds=1),
        "last_event_at": now,
        "last_error_at": now,
    }
    LinkStatus.objects.create(source=pbx, **(reported | members))

    assert expected in " ".join(link_sentences(CtiSource.objects.get(), now, LeaseStanding("host:1")))


HERE, AWAY = Standby("host:2", timedelta(seconds=1)), Standby("host:3", timedelta(seconds=60))


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (LeaseStanding("host:1", (HERE, AWAY)), "host:2 stands by, last seen at 20"),
        (LeaseStanding("host:1"), "No second listener: if this one dies, events are missed until it is back."),
        (LeaseStanding("host:1", (AWAY,)), "until it is back. host:3 stood by until 20"),
        (LeaseStanding("", (HERE,)), "Nobody leads now: events of the PBX are missed. The last to lead was host:1"),
        (LeaseStanding("host:2"), "host:2 leads now, and has not reported yet; before it host:1 led"),
        (None, "host:1 leads by its own report; Redis does not say"),
    ],
)
def test_who_leads_and_who_stands_by_is_reported(pbx: CtiSource, standing: LeaseStanding | None, expected: str) -> None:
    now = timezone.now()
    LinkStatus.objects.create(source=pbx, state=LinkState.UP, leader="host:1", reported_at=now)

    assert expected in " ".join(link_sentences(CtiSource.objects.get(), now, standing))


def test_the_page_of_a_source_says_who_stands_by_and_what_waits_in_quarantine(
    admin_client: Client, pbx: CtiSource, redis: redis_client.Redis
) -> None:
    LinkStatus.objects.create(source=pbx, state=LinkState.UP, leader="host:1", reported_at=clock.now())
    for owner in ("host:1", "host:2"):
        Lease(pbx.slug, owner).stand_by()
    assert "No unreviewed messages in quarantine" in page(admin_client, "ctisource_change", pbx.pk)
    quarantined(pbx)
    Lease(pbx.slug, "host:1").hold()  # It runs out in seconds, and the first page may take as long.

    shown = page(admin_client, "ctisource_change", pbx.pk)

    assert "host:1 leads." in shown
    assert "host:2 stands by" in shown
    assert "host:1 st" not in shown
    assert "Unreviewed messages in quarantine: 1</a>" in shown


def test_the_page_of_a_source_lists_every_refused_device_with_its_reason_and_the_next_try(
    admin_client: Client, pbx: CtiSource
) -> None:
    now = clock.now()
    LinkStatus.objects.create(
        source=pbx,
        state=LinkState.UP,
        leader="host:1",
        reported_at=now,
        monitors_refused={"2001": "invalidDeviceID", "2002": "<none>"},
        monitors_again={"2001": now + timedelta(minutes=1)},
    )

    shown = page(admin_client, "ctisource_change", pbx.pk)

    assert "<li>2001: invalidDeviceID; asked again at 20" in shown
    assert "<li>2002: &lt;none&gt;; not before the listener connects again</li>" in shown


def test_a_silent_listener_is_called_so_in_the_list_of_sources(admin_client: Client, pbx: CtiSource) -> None:
    row = LinkStatus.objects.create(source=pbx, state=LinkState.UP, reported_at=clock.now(), events_per_second=7.25)
    assert "7.25" in page(admin_client, "ctisource_changelist")

    row.reported_at = clock.now() - timedelta(minutes=1)
    row.save()

    shown = page(admin_client, "ctisource_changelist")
    assert "its listener is silent" in shown
    assert "7.25" not in shown


def test_a_source_that_nothing_is_taken_from_says_why() -> None:
    now = timezone.now()

    assert "disabled" in link_sentences(source("off", enabled=False), now)[0]
    assert "listen pbx" in link_sentences(source("pbx", "csta_xml"), now)[0]
