"""The page of an HTTP source: what its program sent, what was refused, and what to do where nothing came."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as redis_client
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

import clock
from cti.http_intake.tokens import mint_token
from cti.journal.dedup import NEWEST, Arrival, accepted_lately, append_unique
from cti.journal.stream import journal_key
from cti.models import CtiSource, IntakeToken, QuarantinedMessage, Scope
from cti.status_text import when
from devtools.servers import free_port
from tests.cti.examples import AT, as_json, cloud_event, source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

Page = Callable[[], str]


@pytest.fixture
def web() -> CtiSource:
    return source("web")


@pytest.fixture
def shown(admin_client: Client, web: CtiSource) -> Page:
    """Give what reloads the source's page."""
    url = reverse("admin:cti_ctisource_change", args=[web.pk])

    def load() -> str:
        answer = admin_client.get(url)
        assert answer.status_code == 200
        return answer.content.decode()

    return load


def post(client: Client, token: str, *events: Any) -> None:
    """Post events as a program does."""
    authorization = f"Bearer {token}"
    client.post(
        "/api/events", as_json(events), content_type="application/json", headers={"Authorization": authorization}
    )


def add_at(redis: redis_client.Redis, at: datetime, slug: str = "web") -> None:
    """Put an event into the journal that was accepted earlier."""
    redis.xadd(journal_key(slug), {"e": "{}"}, id=f"{int(at.timestamp() * 1000)}-1")


def test_where_no_program_has_sent_an_event_it_says_what_to_do(shown: Page, web: CtiSource) -> None:
    tokens = f"{reverse('admin:cti_intaketoken_changelist')}?source__id__exact={web.pk}"
    mint_token(web, Scope.READ)
    first = shown()
    assert "No program has sent an event yet." in first
    assert "has no token to do so: add one under Tokens" in first
    assert f'href="{tokens}"' in first

    mint_token(web)

    assert "none of its tokens was used yet. Give one to the program that sends" in shown()


def test_the_link_to_the_tokens_opens_those_of_the_source(admin_client: Client, web: CtiSource) -> None:
    mint_token(web, name="shop floor")
    mint_token(source("other"), name="somebody else")
    url = f"{reverse('admin:cti_intaketoken_changelist')}?source__id__exact={web.pk}"

    listed = admin_client.get(url).context["cl"].queryset

    assert [token.name for token in listed] == ["shop floor"]


def test_what_was_posted_is_reported_with_the_time_and_how_many_came(
    shown: Page, web: CtiSource, client: Client
) -> None:
    token = mint_token(web, name="shop floor").text
    post(client, token, *(cloud_event(f"e{number}") for number in range(3)))

    reported = shown()

    last = accepted_lately("web").last_at
    assert last
    assert abs(clock.now() - last) < timedelta(minutes=1)
    assert f"The last event was accepted {when(last)}; 3 came in the last minute." in reported
    assert "a token (shop floor) was last used at 20" in reported


def test_what_is_older_than_a_minute_is_reported_and_not_counted(shown: Page, redis: redis_client.Redis) -> None:
    at = clock.now().replace(microsecond=0) - timedelta(minutes=5)
    add_at(redis, at)

    assert f"The last event was accepted {when(at)}; 0 came in the last minute." in shown()


def test_the_last_event_is_reported_also_when_the_journal_has_forgotten_it(
    shown: Page, redis: redis_client.Redis
) -> None:
    add_at(redis, AT)
    redis.xtrim(journal_key("web"), maxlen=0, approximate=False)

    assert f"The last event was accepted {when(AT)}; 0 came in the last minute." in shown()


def test_more_than_are_counted_are_reported_as_the_rate_of_the_newest(shown: Page, redis: redis_client.Redis) -> None:
    begin = int((clock.now() - timedelta(seconds=40)).timestamp() * 1000)
    pipe = redis.pipeline()
    for number in range(NEWEST + 1):
        pipe.xadd(journal_key("web"), {"e": "{}"}, id=f"{begin + 20 * number}-1")
    pipe.execute()

    lately = accepted_lately("web")

    assert lately.fresh == NEWEST
    assert timedelta(seconds=39) < lately.within < timedelta(seconds=60)
    assert re.search(r"; 1,000 or more came in the last minute, about (\d\d) a second now\.", shown())


def test_a_journal_that_has_nothing_though_a_program_sent_is_not_called_new(
    shown: Page, web: CtiSource, redis: redis_client.Redis
) -> None:
    mint_token(web)
    IntakeToken.objects.update(last_used_at=AT)

    assert "The journal has no event: none that was sent could be accepted, or Redis lost its data." in shown()


def test_the_last_refusals_stand_there_with_their_reasons(shown: Page, web: CtiSource, client: Client) -> None:
    token = mint_token(web).text
    for number in range(4):
        post(client, token, cloud_event("broken", data={"callId": number, "deviceId": "2001"}))
    post(client, token, cloud_event("strange", source="<other>"))

    reported = shown()

    newest = QuarantinedMessage.objects.order_by("-id")[0]
    assert f'href="{reverse("admin:cti_quarantinedmessage_change", args=[newest.pk])}"' in reported
    assert "Expected `web`, the source of the token - at `$.source`" in reported
    assert reported.count("Expected `str | null`, got `int` - at `$.data.callId`") == 2
    assert "Unreviewed messages in quarantine: 5</a>" in reported


def test_a_reason_is_shown_as_text(shown: Page, web: CtiSource) -> None:
    QuarantinedMessage.objects.create(source=web, at=AT, kind="event", error="<b>no</b>", raw=b"")

    assert f"Came {when(AT)}</a>: &lt;b&gt;no&lt;/b&gt;</li>" in shown()


def test_a_refusal_that_was_repeated_stands_there_once(shown: Page, web: CtiSource, client: Client) -> None:
    token = mint_token(web).text
    for _ in range(3):
        post(client, token, cloud_event("broken", data={}))

    reported = shown()

    assert reported.count(">Came at 20") == 1
    assert ", 3 times within the hour: " in reported


def test_without_redis_the_page_says_so_and_loads(shown: Page, settings: Settings) -> None:
    settings.JOURNAL_URL = f"redis://127.0.0.1:{free_port()}/0"

    assert "Redis does not answer: what is posted now is refused with status 503" in shown()


def test_the_page_changes_nothing_in_redis(admin_client: Client, web: CtiSource, redis: redis_client.Redis) -> None:
    append_unique("web", [Arrival("e1", b"{}")])
    before = {key: redis.dump(key) for key in redis.scan_iter()}

    admin_client.get(reverse("admin:cti_ctisource_change", args=[web.pk]))

    assert {key: redis.dump(key) for key in redis.scan_iter()} == before
