"""The page of the flag writes: true sentences, acts by permission and kept in the history, nothing edited."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import clock
from flags.models import FlagWrite, RetryRun
from flags.outbox.retry_runs import continue_retries
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db
WRITES = "/admin/flags/flagwrite/"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def watcher(client: Client) -> Client:
    """Give a client of someone who may look, and no more."""
    user = User.objects.create_user("watcher", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_flagwrite"))
    client.force_login(user)
    return client


def ends(key: int, state: str, code: str) -> None:
    FlagWrite.objects.filter(pk=key).update(state=state, error_code=code, settled_at="2026-03-02T09:00:00Z")


def page(client: Client, where: str = "") -> str:
    answer = client.get(f"{WRITES}{where}")
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, action: str, *keys: int, **data: Any) -> str:
    reported = {"action": action, "_selected_action": list(keys), **data}
    return client.post(WRITES, reported, follow=True).content.decode()


def test_the_list_says_where_each_write_is_and_why_and_counts_nothing(admin_client: Client, post: Post) -> None:
    ends(post.queues("G1", CallerName="Carol"), "refused", "UnknownFlag")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        text = page(admin_client)

    assert "refused by QMS" in text
    assert "A flag does not exist in QMS: create it on the Flags page, or else in QMS itself, then retry." in text
    assert "CallerName" in text
    assert "Carol" not in text
    assert [one["sql"] for one in queries if "COUNT(" in one["sql"] and "flagwrite" in one["sql"]] == []


@pytest.mark.parametrize(
    ("where", "shown"),
    [("?state=refused", 1), ("?state=waiting", 1), ("?state=ended_badly", 2), ("?reason=Unavailable", 1), ("?q=", 3)],
)
def test_the_filters_keep_what_they_name(admin_client: Client, post: Post, where: str, shown: int) -> None:
    guids = [post.qms.records(name) for name in ("G1", "G2", "G3")]
    keys = [post.queues(guid=guid) for guid in guids]
    ends(keys[1], "refused", "UnknownFlag")
    ends(keys[2], "given_up", "Unavailable")

    text = page(admin_client, where)

    assert sum(guid in text for guid in guids) == shown


def test_values_of_callers_are_hidden_from_those_who_may_not_see_them(admin_client: Client, post: Post) -> None:
    key = post.queues("G1", CallerName="Carol", QueueName="Sales", Renamed="secret")
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_flagwrite"))
    client = Client()
    client.force_login(looker)

    text = page(client, f"{key}/change/")

    assert "Sales" in text
    assert "Carol" not in text
    assert "secret" not in text, "of a flag that is not known nobody can say that it is harmless"
    assert "Carol" in page(admin_client, f"{key}/change/")


def test_nothing_can_be_edited(admin_client: Client, post: Post) -> None:
    key = post.queues()

    answer = admin_client.post(f"{WRITES}{key}/change/", {"state": "written"})

    assert answer.status_code == 403
    assert post.answers(key)[0] == "queued"


def test_retry_puts_back_and_keeps_who_before_and_after(admin_client: Client, post: Post) -> None:
    key, other = post.queues("G1"), post.queues("G2")
    ends(key, "refused", "UnknownFlag")
    ends(other, "written", "")

    text = act(admin_client, "retry_selected", key, other)

    assert "1 are tried within seconds. 1 are left as they are" in text
    assert post.answers(key)[0] == "queued"
    entry = LogEntry.objects.get()
    assert (entry.user.get_username(), entry.object_id) == ("admin", str(key))
    assert "Before: refused by QMS (UnknownFlag)" in entry.change_message
    assert "After: waiting to be sent" in entry.change_message


def test_giving_up_asks_for_a_reason_and_keeps_it(admin_client: Client, post: Post) -> None:
    key = post.queues()

    assert "Why are they given up?" in act(admin_client, "give_up_selected", key)
    assert "Why are they given up?" in act(admin_client, "give_up_selected", key, reason="  ")
    assert post.answers(key)[0] == "queued"
    text = act(admin_client, "give_up_selected", key, reason="the recordings were lost")

    assert "1 are given up." in text
    assert "Given up by admin: the recordings were lost." in text
    assert post.answers(key) == ("given_up", "GivenUp")
    assert "Give up (the recordings were lost). Before: waiting to be sent" in LogEntry.objects.get().change_message


def test_who_may_only_look_cannot_act(watcher: Client, post: Post) -> None:
    key = post.queues()
    ends(key, "refused", "UnknownFlag")

    assert "Retry now" not in page(watcher)
    act(watcher, "retry_selected", key)
    assert watcher.post(f"{WRITES}retry-all/", {"reason": "UnknownFlag"}).status_code == 403
    assert "Retry all of this reason" not in page(watcher, "?reason=UnknownFlag")

    assert post.answers(key)[0] == "refused"
    assert not LogEntry.objects.exists()


def test_all_of_a_reason_are_retried_with_visible_progress(
    admin_client: Client, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flags.outbox.retry_runs.RETRIED_AT_ONCE", 2)
    for number in range(5):
        ends(post.queues(f"G{number}"), "refused", "UnknownFlag")
    ends(post.queues("G9"), "gone", "RecordingNotFound")

    assert "5 failed for this reason" in page(admin_client, "?reason=UnknownFlag")
    text = admin_client.post(f"{WRITES}retry-all/", {"reason": "UnknownFlag"}, follow=True).content.decode()

    assert "2 are put back so far; it goes on by itself." in text
    assert "hx-get" in text
    continue_retries(clock.now)
    text = admin_client.get(f"{WRITES}retry-panel/").content.decode()
    assert "retry all of UnknownFlag: 5 were put back." in text
    assert "hx-get" not in text
    assert FlagWrite.objects.filter(state="queued").count() == 5
    assert LogEntry.objects.get().object_id == str(RetryRun.objects.get().pk)


def alerts(post: Post, *names: str) -> list[int]:
    """Let QMS refuse writes, as it does where a flag does not exist."""
    keys = [post.queues(name, NoSuchFlag="x") for name in names]
    post.delivers()
    return keys


def test_an_alert_stands_above_the_list_until_it_is_acknowledged(admin_client: Client, post: Post) -> None:
    key, other = alerts(post, "G1", "G2")
    post.queues("G3")

    assert "<b>2</b> flag writes ended without success" in page(admin_client)
    text = act(admin_client, "acknowledge_selected", key, FlagWrite.objects.get(state="queued").pk)

    assert "1 are acknowledged. 1 are left as they are: without an open alert." in text
    assert "<b>1</b> flag write ended without success" in text
    assert "acknowledged by admin, " in text
    assert post.answers(key) == ("refused", "UnknownFlag")
    entry = LogEntry.objects.get()
    assert (entry.user.get_username(), entry.object_id) == ("admin", str(key))
    assert "Acknowledge the alert. The write stays as it is: refused by QMS (UnknownFlag)" in entry.change_message
    row = FlagWrite.objects.get(pk=key)
    assert row.recording_guid not in page(admin_client, "?alert=open")
    assert FlagWrite.objects.get(pk=other).recording_guid in page(admin_client, "?alert=open")


def test_an_alert_leads_to_its_cause_and_to_a_retry_of_it(admin_client: Client, post: Post) -> None:
    first, second, other = alerts(post, "G1", "G2", "G3")
    FlagWrite.objects.filter(pk=other).update(error_code="NotAuthorised")

    text = page(admin_client)
    service = FlagWrite.objects.get(pk=other).service_id

    assert "<b>UnknownFlag</b> at rs1 (2)" in text
    assert "/admin/flags/flagsetting/" in text.partition('id="alert-panel"')[2]
    assert f'href="/admin/qms/recordingservice/{service}/change/">Cause: rs1' in text
    assert f"?alert=open&amp;reason=NotAuthorised&amp;service__id__exact={service}" in text

    admin_client.post(f"{WRITES}retry-all/", {"reason": "UnknownFlag", "service": service})
    continue_retries(clock.now)

    states = dict(FlagWrite.objects.values_list("pk", "state"))
    assert (states[first], states[second], states[other]) == ("queued", "queued", "refused")


@pytest.mark.parametrize("service", ["\N{SUPERSCRIPT TWO}", "rs1", "-1", "9" * 5000])
def test_a_filter_that_names_no_service_retries_nothing(admin_client: Client, post: Post, service: str) -> None:
    (key,) = alerts(post, "G1")

    form = {"reason": "UnknownFlag", "service": service}
    text = admin_client.post(f"{WRITES}retry-all/", form, follow=True).content.decode()
    continue_retries(clock.now)

    assert "the filter names no Recording Service" in text
    assert FlagWrite.objects.get(pk=key).state == "refused"
    assert admin_client.get(f"{WRITES}retry-panel/?service__id__exact={service}").status_code == 200


def test_a_flag_write_links_its_leg_and_shows_milliseconds(admin_client: Client, post: Post) -> None:
    (key,) = alerts(post, "G1")
    row = FlagWrite.objects.get(pk=key)

    text = page(admin_client, f"{key}/change/")

    assert f'href="/admin/calls/leg/{row.leg_id}/change/"' in text
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} [A-Z]+ \([+-][\d,]+ ms\)", text)
    assert "at disconnect" in text


def test_an_alert_is_acknowledged_once(admin_client: Client, post: Post) -> None:
    (key,) = alerts(post, "G1")
    act(admin_client, "acknowledge_selected", key)
    first = FlagWrite.objects.get().acknowledged_at
    act(admin_client, "acknowledge_selected", key)

    assert FlagWrite.objects.get().acknowledged_at == first
    assert LogEntry.objects.count() == 1


def test_all_alerts_are_acknowledged_by_a_button_of_a_great_many_the_oldest(
    admin_client: Client, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flags.outbox.operator_actions.ACKNOWLEDGED_AT_ONCE", 2)
    keys = alerts(post, "G1", "G2", "G3")
    assert "Acknowledge all" in page(admin_client, "?alert=open")

    until = {"until": clock.now().isoformat()}
    reported = [admin_client.post(f"{WRITES}acknowledge-all/", until, follow=True).content.decode() for _ in range(2)]

    assert "2 are acknowledged. 1 are left, or came meanwhile." in reported[0]
    assert "1 are acknowledged." in reported[1]
    assert "ended without success" not in reported[1]
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(key) for key in keys}


def test_what_came_after_the_page_was_shown_is_not_acknowledged_with_the_rest(admin_client: Client, post: Post) -> None:
    seen, later = alerts(post, "G1", "G2")
    text = page(admin_client, "?alert=open")
    (until,) = re.findall(r'name="until" value="([^"]+)"', text)
    shown = datetime.fromisoformat(until)
    FlagWrite.objects.filter(pk=seen).update(alert_since=shown)
    FlagWrite.objects.filter(pk=later).update(alert_since=shown + timedelta(seconds=1))

    admin_client.post(f"{WRITES}acknowledge-all/", {"until": until})

    assert [key for key, at in FlagWrite.objects.values_list("pk", "acknowledged_at") if at] == [seen]


def test_a_moment_that_cannot_be_read_acknowledges_nothing(admin_client: Client, post: Post) -> None:
    alerts(post, "G1")

    for until in ("soon", "", "2026-13-45T00:00:00Z", "2026-03-02T09:00:00"):
        answer = admin_client.post(f"{WRITES}acknowledge-all/", {"until": until})
        assert answer.status_code == 400, until

    assert FlagWrite.objects.get().acknowledged_at is None


def test_who_may_only_look_sees_the_alert_and_cannot_acknowledge_it(watcher: Client, post: Post) -> None:
    (key,) = alerts(post, "G1")

    text = page(watcher, "?alert=open")
    assert "<b>1</b> flag write ended without success" in text
    assert "Acknowledge" not in text
    act(watcher, "acknowledge_selected", key)
    assert watcher.post(f"{WRITES}acknowledge-all/").status_code == 403

    assert FlagWrite.objects.get().acknowledged_at is None


def test_a_great_many_rows_are_left_to_the_button(
    admin_client: Client, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flags.ui.writes_admin.AT_ONCE", 1)
    keys = [post.queues(name) for name in ("G1", "G2")]

    text = act(admin_client, "give_up_selected", keys[0], select_across=1, reason="all")

    assert "Choose at most 1 at once" in text
    assert {post.answers(key)[0] for key in keys} == {"queued"}
