"""The page "Shadow comparison": the first sentence, values by permission, the switch with confirmation and history."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

import clock
from flags.models import FlagSetting, FlagWrite, ShadowDifference
from flags.shadow.readings import compare_due
from qms.models import RecordingService
from qms.port import Flag, FlagDefinition
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db
PAGE = "/admin/shadow/"


@pytest.fixture
def post() -> Post:
    """Give a service in shadow mode with one recording on which the other gateway wrote another caller."""
    post = Post(shadow=True)
    post.time = clock.now() - timedelta(hours=1)
    post.qms.site.create_flag_definition("rs1", FlagDefinition("CallerName", 40))
    FlagSetting.objects.update_or_create(name="CallerName", defaults={"field": "caller_name", "enabled": True})
    key = post.queues(AgentId="A1", CallerName="Carol Ltd")
    guid = FlagWrite.objects.get(pk=key).recording_guid
    post.qms.site.write_flags("rs1", guid, [Flag("AgentId", "A1"), Flag("CallerName", "Dave Ltd")])
    post.delivers()
    compare_due(clock.now, post.lines, clock.now() + timedelta(seconds=60))
    return post


def _page(client: Client, where: str = PAGE) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def _client(*permissions: str) -> Client:
    user = User.objects.create_user("-".join(permissions), is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_a_service_that_there_is_not_is_named(admin_client: Client, post: Post) -> None:
    """Before: the page showed another service, and its switch, without a word."""
    assert "There is no Recording Service “nope”" in _page(admin_client, f"{PAGE}?service=nope")
    assert "There is no Recording Service" not in _page(admin_client)


def test_the_page_says_the_sentence_and_shows_the_difference_with_its_leg(admin_client: Client, post: Post) -> None:
    text = _page(admin_client)
    leg = FlagWrite.objects.get().leg_id
    assert "Of 1 recording since " in text
    assert "0.0 % would carry the same flags" in text
    assert f"/admin/calls/leg/{leg}/change/" in text
    assert "Carol Ltd" in text
    assert "Dave Ltd" in text
    assert "Dave Ltd" not in _page(admin_client, f"{PAGE}?flag=AgentId")
    assert "Dave Ltd" not in _page(admin_client, f"{PAGE}?reason=other_case")
    assert "Dave Ltd" in _page(admin_client, f"{PAGE}?reason=made-up&service=none")


def test_values_that_look_the_same_are_told_apart(admin_client: Client, post: Post) -> None:
    """Before: "another value", and twice the same text."""
    ShadowDifference.objects.update(reason="other_format", ours="Süd", theirs="Su\u0308d\u200b")
    text = _page(admin_client)

    assert "Su\u0308[U+0308]d[U+200B]" in text
    assert "U+" not in _page(_client("view_flagwrite"))


def test_who_may_not_see_callers_sees_that_values_differ_and_not_which(post: Post) -> None:
    text = _page(_client("view_flagwrite"))
    assert "another value" in text
    assert "Dave Ltd" not in text
    assert "Begin writing" not in text


def test_without_a_service_the_page_says_what_to_do(admin_client: Client, db: None) -> None:
    assert "Add one first" in _page(admin_client)


def test_the_switch_asks_once_more_and_stands_in_the_history(post: Post) -> None:
    client, address = _client("view_flagwrite", "switch_shadow"), f"{PAGE}{post.service.pk}/"
    asked = client.post(address).content.decode()
    assert "would carry the same flags" in asked
    assert "never written" in asked
    post.service.refresh_from_db()
    assert post.service.shadow

    client.post(address, {"confirmed": "yes"})
    client.post(address, {"confirmed": "yes"})
    service = RecordingService.objects.get()
    assert (service.shadow, service.writing_since is not None) == (False, True)
    assert "It begins to write flags" in LogEntry.objects.get().change_message

    client.post(address, {"confirmed": "yes", "shadow": "on"})
    assert RecordingService.objects.get().shadow
    assert LogEntry.objects.count() == 2


def test_who_may_only_look_or_change_services_cannot_switch(post: Post) -> None:
    for permission in ("view_flagwrite", "change_recordingservice"):
        client = _client(permission)
        assert client.post(f"{PAGE}{post.service.pk}/", {"confirmed": "yes"}).status_code == 403
        assert client.get(f"{PAGE}{post.service.pk}/").status_code == 405
    assert RecordingService.objects.get().shadow
