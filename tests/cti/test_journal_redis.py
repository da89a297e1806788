"""The journal while its Redis is away, full, read-only, frozen or killed; and waits that wake-ups end."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis as redis_client
from pytest_django import Settings

from cti import api
from cti.events import Event
from cti.journal.dedup import Arrival, append_unique, take_allowance
from cti.journal.stream import client, journal_key
from cti.journal.writer import JournalWriter
from devtools.servers import free_port, start_redis, stop, wait_until
from tests.cti.examples import established
from tests.cti.proxy import proxy_before

pytestmark = pytest.mark.usefixtures("redis")


def events(*numbers: int) -> list[Event]:
    return [established(f"event-{number}") for number in numbers]


def seen_keys() -> list[str]:
    return [key.decode() for key in client().scan_iter("seen:*")]


def test_a_redis_that_is_away_is_an_error_that_may_pass(settings: Settings) -> None:
    settings.JOURNAL_URL = f"redis://127.0.0.1:{free_port()}/0"
    calls: list[Callable[[], object]] = [
        lambda: JournalWriter("pbx", 5000).append(events(1)),
        lambda: append_unique("web", [Arrival("a", b"1")]),
        lambda: api.read_journal("pbx", "0-0", 1),
        lambda: api.journal_state("pbx"),
        lambda: api.trim_journal("pbx", "1-1"),
        lambda: api.wait_for_entries({"wake:answers:1": "0-0"}, 0.0),
        lambda: take_allowance(1, 1, 1),
    ]

    for call in calls:
        with pytest.raises(api.JournalUnavailable) as refusal:
            call()
        assert refusal.value.retryable
    api.wake("wake:answers:1")


def test_a_redis_that_is_full_takes_all_of_a_batch_or_nothing(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port, "--maxmemory-policy", "noeviction")
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    try:
        append_unique("web", [Arrival("a", b"1")])
        client().config_set("maxmemory", "1")
        calls: list[Callable[[], object]] = [
            lambda: append_unique("web", [Arrival("b", b"2")]),
            lambda: JournalWriter("pbx", 5000).append(events(1)),
        ]
        for refused in calls:
            with pytest.raises(api.JournalUnavailable) as refusal:
                refused()
            assert refusal.value.retryable
        client().config_set("maxmemory", "0")

        assert append_unique("web", [Arrival("b", b"2")]).accepted == 1
        assert api.journal_state("pbx").length == 0
    finally:
        stop(server)


def test_a_read_only_redis_is_an_error_that_may_pass(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port, "--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "yes")
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    try:
        with pytest.raises(api.JournalUnavailable) as refusal:
            append_unique("web", [Arrival("b", b"2")])
        assert refusal.value.retryable
    finally:
        stop(server)


def test_a_password_that_redis_refuses_needs_a_person(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port, "--requirepass", "right")
    settings.JOURNAL_URL = f"redis://:wrong@127.0.0.1:{port}/0"
    try:
        with pytest.raises(api.JournalUnavailable) as refusal:
            api.read_journal("pbx", "0-0", 1)
        assert not refusal.value.retryable
    finally:
        stop(server)


def test_a_frozen_redis_ends_the_wait(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    api.read_journal("pbx", "0-0", 1)
    server.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(api.JournalUnavailable):
            append_unique("web", [Arrival("b", b"2")])
    finally:
        server.send_signal(signal.SIGCONT)
        stop(server)


def test_appends_go_on_after_redis_was_killed_and_started_again(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    server = start_redis(tmp_path, port, "--appendonly", "yes", "--appendfsync", "always")
    writer = JournalWriter("pbx", 5000)
    writer.append(events(1))
    append_unique("web", [Arrival("a", b"1")])
    stop(server, signal.SIGKILL)
    entries = writer.entries(events(2))
    with pytest.raises(api.JournalUnavailable):
        writer.put(entries)

    server = start_redis(tmp_path, port, "--appendonly", "yes", "--appendfsync", "always")
    try:
        wait_until(lambda: client().ping(), "Redis")
        writer.put(entries)
        assert append_unique("web", [Arrival("a", b"1"), Arrival("b", b"2")]).accepted == 1
        assert [one.id for one in api.read_journal("pbx", "0-0", 9)] == ["5000-1", "5000-2"]
    finally:
        stop(server)


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_got_lost_doubles_no_event(settings: Settings, lost: int) -> None:
    with proxy_before(urlsplit(settings.REDIS_URL).port or 0) as proxy:
        settings.JOURNAL_URL = f"redis://127.0.0.1:{proxy.port}/0"
        writer = JournalWriter("pbx", 5000)
        writer.append(events(1))
        append_unique("web", [Arrival("a", b"1")])
        calls: list[Callable[[], object]] = [
            lambda: writer.append(events(2)),
            lambda: append_unique("web", [Arrival("b", b"2")]),
        ]
        for act in calls:
            proxy.lose_answers = lost
            try:
                act()
            except api.JournalUnavailable:
                assert lost == 2
        writer.put(api.read_journal("pbx", "0-0", 9))
        append_unique("web", [Arrival("b", b"2")])
        assert proxy.lost >= 2 * lost

        assert [one.id for one in api.read_journal("pbx", "0-0", 9)] == ["5000-1", "5000-2"]
        assert [one.payload for one in api.read_journal("web", "0-0", 9)] == [b"1", b"2"]


def test_a_wake_up_ends_a_wait_that_began_before_or_after_it_and_no_later_one(redis: "redis_client.Redis") -> None:
    stream = api.answers_stream(7)
    for _ in range(3):
        api.wake(stream, api.answers_stream(8))
    first = api.wait_for_entries({stream: "0-0"}, 1.0)[stream][-1].id
    assert api.wait_for_entries({stream: first}, 0.0) == {}

    thread = threading.Timer(0.05, api.wake, args=(stream,))
    thread.start()
    second = api.wait_for_entries({stream: first}, 1.0)[stream][-1].id
    thread.join()

    assert second > first
    assert redis.xlen(stream) == 1


def test_a_wait_ends_with_the_next_events_of_a_journal_and_no_more_than_were_asked_for(
    redis: "redis_client.Redis",
) -> None:
    append_unique("web", [Arrival("a", b"1"), Arrival("b", b"2"), Arrival("c", b"3")])
    stream = journal_key("web")
    found = api.wait_for_entries({stream: "0-0", api.answers_stream(7): "0-0"}, 1.0, count=2)

    assert list(found) == [stream]
    assert [one.payload for one in found[stream]] == [b"1", b"2"]
    (rest,) = api.wait_for_entries({stream: found[stream][-1].id}, 0.01, count=2).values()
    assert [one.payload for one in rest] == [b"3"]
    assert api.wait_for_entries({stream: rest[-1].id}, 0.01) == {}
