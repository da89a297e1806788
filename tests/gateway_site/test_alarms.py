"""Alarms: one incident for what belongs together, sent once, at a change and at its end, by real mail and webhooks."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from email import message_from_string
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from calls.models import Gap, HourlyCount
from calls.stats.hourly import hour_of
from cti.models import CtiSource, LinkState, LinkStatus
from devtools.receivers import Mailbox, Webhook, smtp_server, webhook_receiver
from gateway_site.alarms.conditions import AlarmFinding, find
from gateway_site.alarms.incidents import keep_incidents, watch
from gateway_site.alarms.messages import send_due
from gateway_site.alarms.models import AlarmChannel, AlarmMessage, AlarmRule, Incident
from gateway_site.alarms.rules import RULES

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINK = AlarmFinding("link", "CTI source pbx", "disconnected")
SILENCE = AlarmFinding("silence", "pbx", "No event for 20 minutes.")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook_receiver() as found:
        AlarmChannel.objects.create(name="hook", kind="json", target=found.url, secret="s3cret")
        yield found


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with smtp_server() as found:
        settings.CAN_MAIL, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        yield found


def sees(*findings: AlarmFinding, after: float) -> None:
    """Let the gateway look, some seconds after noon, and send what is due."""
    now = NOON + timedelta(seconds=after)
    keep_incidents(findings, {rule.key: rule for rule in AlarmRule.objects.filter(enabled=True)}, now)
    send_due(lambda: now)


def test_every_rule_is_there_after_migrate() -> None:
    assert set(AlarmRule.objects.values_list("key", flat=True)) == {rule.key for rule in RULES}


def test_an_incident_is_reported_once_when_it_has_lasted_and_once_when_it_is_over(hook: Webhook) -> None:
    for after in (0, 30, 61, 120, 300):
        sees(LINK, after=after)
    sees(after=360)
    sees(after=420)

    assert [(body["occasion"], body["rule"], body["subject"]) for body in hook.bodies] == [
        ("begin", "link", "CTI source pbx"),
        ("end", "link", "CTI source pbx"),
    ]
    assert hook.bodies[1]["text"] == "It lasted 6 min; 0 legs were not flagged meanwhile."
    assert hook.headers[0]["Authorization"] == "Bearer s3cret"
    assert Incident.objects.get().ended_at == NOON + timedelta(seconds=360)


def test_two_losses_of_a_source_within_an_hour_are_one_incident_and_no_alarm_fails(hook: Webhook) -> None:
    """Before: two restores within an hour broke a constraint, and no alarm of any rule was sent in that hour."""
    source = CtiSource.objects.create(slug="pbx", kind="http")
    for minutes in (50, 10):
        began = NOON - timedelta(minutes=minutes)
        reason = f"The database went back in time, {minutes} minutes ago."
        Gap.objects.create(source=source, began_at=began, ended_at=began + timedelta(minutes=1), reason=reason)

    for after in (0, 61):
        watch(NOON + timedelta(seconds=after))
    send_due(lambda: NOON + timedelta(seconds=61))

    (incident,) = Incident.objects.filter(rule__key="loss")
    assert incident.text.endswith("10 minutes ago.")
    assert [body["text"] for body in hook.bodies if body["rule"] == "loss"] == [incident.text]


def test_what_was_wrong_for_a_moment_only_is_not_reported(hook: Webhook) -> None:
    sees(LINK, after=0)
    sees(after=30)

    assert hook.bodies == []
    assert not Incident.objects.exists()


def test_what_another_incident_explains_is_reported_with_that_one(hook: Webhook) -> None:
    for after in (0, 61):
        sees(LINK, after=after)
    sees(LINK, SILENCE, after=90)
    sees(after=600)

    assert [body["occasion"] for body in hook.bodies] == ["begin", "change", "end"]
    assert "It also causes: No events although there should be: pbx." in hook.bodies[1]["text"]
    assert {body["incident"] for body in hook.bodies} == {Incident.objects.get(rule__key="link").pk}
    assert Incident.objects.get(rule__key="silence").caused_by == Incident.objects.get(rule__key="link")


def test_in_quiet_hours_only_urgent_alarms_go_out(hook: Webhook) -> None:
    AlarmChannel.objects.update(quiet_from=time(11), quiet_until=time(7))
    AlarmRule.objects.filter(key="silence").update(after_seconds=0)

    sees(SILENCE, after=0)
    sees(LINK, SILENCE, after=1)
    sees(LINK, SILENCE, after=62)

    assert [body["rule"] for body in hook.bodies] == ["link"]


def test_a_message_that_is_not_taken_is_tried_again_and_the_channel_says_so(hook: Webhook) -> None:
    hook.status = 503
    sees(LINK, after=0)
    sees(LINK, after=61)
    assert AlarmChannel.objects.get().error == "the webhook answered 503"
    sees(LINK, after=62)
    assert len(hook.bodies) == 1, "it waits before it tries again"

    hook.status = 200
    sees(LINK, after=80)

    assert len(hook.bodies) == 2
    assert AlarmChannel.objects.get().error == ""
    assert AlarmMessage.objects.get().sent_at == NOON + timedelta(seconds=80)


def test_a_webhook_that_leads_elsewhere_is_not_followed(hook: Webhook) -> None:
    hook.status = 302
    sees(LINK, after=0)
    sees(LINK, after=61)

    assert AlarmChannel.objects.get().error == "the webhook answered 302"


def test_a_link_local_address_is_never_called() -> None:
    AlarmChannel.objects.create(name="cloud", kind="json", target="http://169.254.169.254/latest")
    sees(LINK, after=0)
    sees(LINK, after=61)

    assert "may not be called" in AlarmChannel.objects.get().error


def test_alarms_arrive_by_mail(mailbox: Mailbox, settings: Any) -> None:
    settings.PUBLIC_URL = "https://x.example.org"
    AlarmChannel.objects.create(name="ops", kind="mail", target="ops@example.org, night@example.org")
    sees(LINK, after=0)
    sees(LINK, after=61)

    mail = message_from_string(mailbox.mails[0])
    assert mail["To"] == "ops@example.org, night@example.org"
    assert mail["Subject"] == "QMS Gateway: CTI link down: CTI source pbx (began)"
    assert "disconnected" in mail.get_payload()
    assert "https://x.example.org/admin/alarms/incident/" in mail.get_payload()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("json", lambda body: body["url"]),
        ("teams", lambda body: body["attachments"][0]["content"]["actions"][0]["url"]),
        ("slack", lambda body: body["text"].partition("<")[2].partition("|")[0]),
        ("pagerduty", lambda body: body["links"][0]["href"]),
    ],
)
def test_each_receiver_is_led_to_the_incident(hook: Webhook, kind: str, found: Any, settings: Any) -> None:
    settings.PUBLIC_URL = "https://x.example.org/calls"
    AlarmChannel.objects.update(kind=kind)
    sees(LINK, after=0)
    sees(LINK, after=61)

    incident = Incident.objects.get().pk
    assert found(hook.bodies[0]) == f"https://x.example.org/calls/admin/alarms/incident/{incident}/change/"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("teams", lambda body: body["attachments"][0]["content"]["body"][1]["text"] == "disconnected"),
        ("slack", lambda body: body["text"].endswith("disconnected")),
        ("pagerduty", lambda body: (body["routing_key"], body["event_action"]) == ("s3cret", "trigger")),
    ],
)
def test_each_receiver_gets_its_own_form(hook: Webhook, kind: str, found: Any) -> None:
    AlarmChannel.objects.update(kind=kind)
    sees(LINK, after=0)
    sees(LINK, after=61)

    assert found(hook.bodies[0])


def test_the_test_button_sends_at_once(hook: Webhook) -> None:
    user = get_user_model().objects.create_superuser("root", password="x")
    client = Client()
    client.force_login(user)
    channel = AlarmChannel.objects.get()

    page = client.get(f"/admin/alarms/alarmchannel/{channel.pk}/change/").content.decode()
    answer = client.post(f"/admin/alarms/alarmchannel/{channel.pk}/send-test/", follow=True).content.decode()

    assert client.get(f"/admin/alarms/alarmchannel/{channel.pk}/send-test/").status_code == 405
    assert "Send a test" in page
    assert "s3cret" not in page
    assert "The test was sent to hook." in answer
    assert hook.bodies[0]["occasion"] == "test"


def test_silence_is_noticed_by_the_sources_own_past_weeks() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    LinkStatus.objects.create(source=source, state=LinkState.UP, last_event_at=NOON - timedelta(minutes=30))
    for week in range(1, 5):
        hour = hour_of(NOON - timedelta(weeks=week))
        HourlyCount.objects.create(source=source, hour=hour, outcome="flagged", legs=80)

    (finding,) = find(NOON, {"silence": 20.0})

    assert finding.text == "No event for 20 minutes; usually 80 calls in this hour."
    LinkStatus.objects.update(last_event_at=NOON - timedelta(minutes=10))
    assert find(NOON, {"silence": 20.0}) == []


def test_a_restore_is_an_alarm() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    reason = "The database went back in time (a restore, ...)"
    Gap.objects.create(source=source, began_at=NOON, ended_at=NOON, reason=reason)

    assert find(NOON, {"loss": None}) == [AlarmFinding("loss", "pbx", reason)]


def test_a_full_disk_is_an_alarm() -> None:
    assert [one.rule for one in find(NOON, {"disk": 0.0})] == ["disk"]
    assert find(NOON, {"disk": 100.0}) == []
