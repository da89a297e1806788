"""``POST /api/events`` takes CloudEvents into the journal, each once, and says what it did with each."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from cti import api
from cti.events import decode
from cti.http_intake.tokens import CHALLENGE, mint_token, revoke_token
from cti.models import IntakeToken, QuarantinedMessage, Scope
from devtools.servers import free_port
from tests.cti.examples import as_json, cloud_event, source

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cti.urls"), pytest.mark.usefixtures("redis")]

Post = Callable[..., Any]


@pytest.fixture
def token() -> str:
    return mint_token(source()).text


@pytest.fixture
def post(client: Client, token: str) -> Post:
    def send(body: Any, content_type: str = "application/json", *, bearer: str = token, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else as_json(body)
        every = {"Authorization": f"Bearer {bearer}"} | headers
        return client.post("/api/events", data, content_type=content_type, headers=every)

    return send


def journalled(slug: str = "web") -> list[dict[str, Any]]:
    return [json.loads(entry.payload) for entry in api.read_journal(slug, "0-0", 1000)]


def test_one_event_is_accepted_and_is_in_the_journal(post: Post) -> None:
    answer = post(cloud_event("1"), "application/cloudevents+json")

    assert answer.status_code == 202
    assert json.loads(answer.content) == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert [one["id"] for one in journalled()] == ["1"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (as_json([cloud_event("1"), cloud_event("2")]), "application/cloudevents-batch+json"),
        (b" [\n" + as_json(cloud_event("1")) + b" ,\r\n " + as_json(cloud_event("2")) + b"\n]\n", "application/json"),
        (as_json(cloud_event("1")) + b"\r\n\n" + as_json(cloud_event("2")) + b"\n", "application/x-ndjson"),
        (as_json(cloud_event("1")) + b"\n" + as_json(cloud_event("2")), "application/json"),
        (as_json(cloud_event("1")) + b"\n" + as_json(cloud_event("2")), "text/plain"),
    ],
)
def test_arrays_and_lines_are_taken_as_batches(post: Post, body: bytes, content_type: str) -> None:
    answer = post(body, content_type)

    assert json.loads(answer.content)["accepted"] == 2
    assert [one["id"] for one in journalled()] == ["1", "2"]


def test_an_event_written_over_several_lines_is_one_event(post: Post) -> None:
    answer = post(json.dumps(cloud_event("1"), indent=2).encode())

    assert json.loads(answer.content)["accepted"] == 1


def test_an_empty_batch_is_accepted(post: Post) -> None:
    assert post([]).status_code == 202


def test_an_event_sent_again_is_a_duplicate_and_changes_nothing(post: Post) -> None:
    post([cloud_event("1")])

    answer = post([cloud_event("1"), cloud_event("2"), cloud_event("2")])

    assert json.loads(answer.content) == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert [one["id"] for one in journalled()] == ["1", "2"]


def test_members_that_nobody_knows_are_kept(post: Post) -> None:
    now = datetime.now(UTC).isoformat()
    sent = cloud_event(
        "1", time=now, traceparent="00-ab", data={"callId": "1", "deviceId": "2", "pbx": {"node": [1, 2.5]}}
    )

    post(sent)

    (kept,) = journalled()
    kept.pop("gatewaytime")
    assert kept == sent


@pytest.mark.parametrize(
    ("minutes", "is_receipt"), [(-10, False), (+10, True)], ids=["a source that lags", "a source whose clock is ahead"]
)
def test_the_gateways_time_is_the_sources_but_never_in_the_future(post: Post, minutes: int, is_receipt: bool) -> None:
    before = datetime.now(UTC)
    time = before + timedelta(minutes=minutes)

    post(cloud_event("1", time=time.isoformat(), gatewaytime="2001-01-01T00:00:00Z"))

    (kept,) = [decode(entry.payload) for entry in api.read_journal("web", "0-0", 9)]
    assert kept.time == time
    assert kept.gatewaytime
    assert (before <= kept.gatewaytime <= datetime.now(UTC)) if is_receipt else kept.gatewaytime == time
    assert api.read_journal("web", "0-0", 9)[0].payload.count(b"gatewaytime") == 1


@pytest.mark.parametrize(("seconds", "is_late"), [(0, False), (-1.001, True), (-7200, True), (600, False)])
def test_what_comes_late_says_when_it_was_received_whatever_the_client_says(
    post: Post, seconds: float, is_late: bool
) -> None:
    before = datetime.now(UTC)
    time = before + timedelta(seconds=seconds)

    post(cloud_event("1", time=time.isoformat(), gatewayreceived="2001-01-01T00:00:00Z"))

    (kept,) = [decode(entry.payload) for entry in api.read_journal("web", "0-0", 9)]
    received = kept.gatewayreceived
    assert (received is not None and before <= received <= datetime.now(UTC)) if is_late else received is None


def test_text_that_a_database_cannot_keep_is_repaired(post: Post) -> None:
    post(
        rb'{"specversion":"1.0","id":"1","source":"web","type":"csta.call.Established","time":"2026-03-02T09:30:00Z",'
        rb'"data":{"callId":"a\u0000b","deviceId":"c\\u0000"}}'
    )

    (kept,) = journalled()
    assert kept["data"] == {"callId": "a\ufffdb", "deviceId": "c\\u0000"}


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (cloud_event("x", data={"deviceId": "2001"}), "data.callId"),
        (cloud_event("x", data={"callId": 7, "deviceId": "2001"}), "$.data.callId"),
        (cloud_event("x", data={"callId": "7" * 256, "deviceId": "2001"}), "$.data.callId"),
        (cloud_event("x", source="other"), "$.source"),
        (cloud_event("x", type="csta.call.Unheard"), "$.type"),
        (cloud_event("x", time="yesterday"), "$.time"),
        (cloud_event("x", time="2026-03-02T09:30:00"), "$.time"),
        (cloud_event("x", time="0001-01-01T00:00:00Z"), "$.time"),
        (cloud_event("x", specversion="0.3"), "$.specversion"),
        ({"id": "x"}, "type"),
    ],
)
def test_a_broken_item_is_rejected_with_its_member_and_place_and_does_not_hold_up_the_others(
    post: Post, item: dict[str, Any], place: str
) -> None:
    answer = post([cloud_event("1"), item, cloud_event("2")])

    reply = json.loads(answer.content)
    assert (answer.status_code, reply["accepted"]) == (202, 2)
    (rejected,) = reply["rejected"]
    assert (rejected["index"], rejected["id"]) == (1, "x")
    assert place in rejected["error"]
    (kept,) = QuarantinedMessage.objects.all()
    assert json.loads(bytes(kept.raw)) == item
    assert kept.error == rejected["error"]


@pytest.mark.parametrize("item", [7, None, "text", [1], {"id": 7}, {"id": ["x"]}])
def test_what_is_no_event_at_all_is_rejected_without_an_id(post: Post, item: Any) -> None:
    answer = post([item])

    assert answer.status_code == 400
    assert json.loads(answer.content)["rejected"][0]["id"] is None


def test_a_broken_line_is_rejected_and_the_others_are_taken(post: Post) -> None:
    answer = post(as_json(cloud_event("1")) + b"\n{broken\n" + as_json(cloud_event("2")), "application/x-ndjson")

    reply = json.loads(answer.content)
    assert (answer.status_code, reply["accepted"], reply["rejected"][0]["index"]) == (202, 2, 1)


def test_a_line_that_is_not_utf_8_is_rejected_even_in_a_member_that_nobody_reads(post: Post) -> None:
    odd = as_json(cloud_event("1", note="?")).replace(b"?", b"\xff")

    reply = json.loads(post(odd + b"\n" + as_json(cloud_event("2")), "application/x-ndjson").content)

    assert (reply["accepted"], reply["rejected"][0]["id"]) == (1, "1")
    assert "UTF-8" in reply["rejected"][0]["error"]


def test_a_request_without_one_event_is_bad_and_its_repeat_is_counted(post: Post) -> None:
    for _ in range(3):
        answer = post([cloud_event("1", source="other")])

    assert answer.status_code == 400
    assert json.loads(answer.content)["accepted"] == 0
    assert [row.count for row in QuarantinedMessage.objects.all()] == [3]


@pytest.mark.parametrize("body", [b"", b"   ", b"hello", b"{", b"[1", b"\xff\xfe{}", b"<xml/>"])
def test_what_is_not_json_is_bad(post: Post, body: bytes) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert list(json.loads(answer.content)) == ["error"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"id":' * 100_000, b"[" + b"[" * 50_000 + b"]" * 50_000 + b"]"])
def test_what_is_nested_too_deeply_is_bad(post: Post, body: bytes) -> None:
    assert post(body).status_code == 400


def test_requests_without_a_valid_token_are_unauthorized(client: Client, post: Post) -> None:
    answers = [
        client.post("/api/events", b"{}", content_type="application/json"),
        post(cloud_event("1"), bearer="wrong"),
        post(cloud_event("1"), Authorization="Basic abc"),
    ]

    assert [one.status_code for one in answers] == [401, 401, 401]
    assert all(one.headers["WWW-Authenticate"] == CHALLENGE["WWW-Authenticate"] for one in answers)
    assert journalled() == []


def test_a_revoked_token_opens_nothing(post: Post) -> None:
    assert post(cloud_event("1")).status_code == 202
    revoke_token(IntakeToken.objects.get())

    assert post(cloud_event("2")).status_code == 401


@pytest.mark.parametrize(
    ("members", "scope"),
    [({}, Scope.READ), ({"enabled": False}, Scope.WRITE), ({"kind": "csta_xml"}, Scope.WRITE)],
    ids=["a token that reads", "a disabled source", "a source with a listener"],
)
def test_valid_tokens_that_may_not_post_are_forbidden(post: Post, members: dict[str, Any], scope: str) -> None:
    other = mint_token(source("other", **({"kind": "http"} | members)), scope).text

    assert post(cloud_event("1", source="other"), bearer=other).status_code == 403


def test_a_source_that_is_switched_on_again_is_heard_from_that_moment(post: Post) -> None:
    """Before: its posts were refused for five seconds more, which were in no gap of the ledger."""
    other = source("other", kind="http", enabled=False)
    token = mint_token(other).text
    assert post(cloud_event("1", source="other"), bearer=token).status_code == 403

    other.enabled = True
    other.save()

    assert post(cloud_event("1", source="other"), bearer=token).status_code == 202


def test_only_post_is_taken(client: Client) -> None:
    answer = client.get("/api/events")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_more_events_than_the_limit_are_too_large(post: Post, settings: Settings) -> None:
    settings.INTAKE_MAX_EVENTS = 2

    assert post([cloud_event(str(n)) for n in range(3)]).status_code == 413
    assert post([cloud_event(str(n)) for n in range(2)]).status_code == 202


def test_more_bytes_than_the_limit_are_too_large(post: Post, settings: Settings) -> None:
    settings.INTAKE_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 400

    assert post(cloud_event("1", padding="x" * 400)).status_code == 413
    assert post(cloud_event("1")).status_code == 202


@pytest.mark.parametrize(
    "headers", [{"Content-Encoding": "gzip"}, {"ce-specversion": "1.0"}], ids=["compressed", "binary mode"]
)
def test_forms_that_would_be_misread_are_not_supported(post: Post, headers: dict[str, str]) -> None:
    assert post(cloud_event("1"), **headers).status_code == 415


def test_a_token_that_sends_too_fast_learns_when_to_come_again(post: Post, settings: Settings) -> None:
    settings.INTAKE_EVENTS_PER_SECOND = settings.INTAKE_MAX_EVENTS = 5
    batch = [cloud_event(str(n)) for n in range(5)]
    assert post(batch).status_code == 202

    answer = post(batch)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_without_the_journal_nothing_is_accepted(post: Post, settings: Settings) -> None:
    settings.JOURNAL_URL = f"redis://127.0.0.1:{free_port()}/0"

    answer = post(cloud_event("1"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_a_token_costs_the_database_nothing_for_some_seconds(
    post: Post, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    post(cloud_event("1"))

    with django_assert_num_queries(0):
        post(cloud_event("2"))
    assert IntakeToken.objects.get().last_used_at


def test_a_token_is_kept_only_as_its_hash(token: str) -> None:
    row = IntakeToken.objects.get()

    assert len(token) >= 43
    assert token not in str(vars(row))
    assert row.digest != token


def test_create_token_prints_a_token_that_opens(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_token", "web", "--name", "switch room")
    text = capsys.readouterr().out.strip()

    assert post(cloud_event("1"), bearer=text).status_code == 202
    with pytest.raises(CommandError):
        call_command("create_token", "nowhere")
