"""A listener while its Redis hangs, is away, comes back empty or has room for nothing more."""

import signal
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from cti import api
from cti.bounds import SPOOL
from cti.events import LinkLost
from cti.journal.refusals import refused_lately
from cti.journal.stream import client
from cti.listener import durable_append
from cti.models import CtiSource, LinkState, LinkStatus
from devtools.servers import free_port, start_redis, stop, wait_until
from tests.cti.listening import LIMIT_SECONDS, Listening, is_reported, journalled, status, wait_for, words
from tests.simulators.switch import Switch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis", "line_sources")]


def test_an_emptied_redis_and_a_clock_that_went_back_give_no_id_below_those_that_were_read(pbx: Switch) -> None:
    far = 99_000_000_000_000
    LinkStatus.objects.create(source=CtiSource.objects.get(), epoch=far)

    one = Listening()
    try:
        wait_for("LinkRestored")
    finally:
        one.stop()

    assert api.read_journal("pbx", f"{far}-999999", 9)
    assert status().epoch == far + 1


def test_a_stop_does_not_wait_for_a_redis_that_hangs(pbx: Switch, settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    one = Listening()
    try:
        wait_for("LinkRestored")
        pbx.wait_for_link()
        server.send_signal(signal.SIGSTOP)
        pbx.say("call 1")
        began = time.monotonic()
        one.ask_to_stop()
        wait_until(lambda: one.is_over, "the end", 20)
        assert time.monotonic() - began < LIMIT_SECONDS
    finally:
        server.send_signal(signal.SIGCONT)
        one.stop()
        stop(server)


def test_redis_away_for_a_while_loses_nothing_and_keeps_the_order(
    pbx: Switch, settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    options = ("--appendonly", "yes", "--appendfsync", "always")
    server = start_redis(tmp_path, port, *options)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    one = Listening()
    try:
        pbx.wait_for_link()
        pbx.say("call 1")
        wait_for("LinkRestored", "1")
        wait_until(lambda: is_reported(events=1), "the acknowledgement")  # Else call 1 is in doubt, and spooled too.
        stop(server, signal.SIGKILL)
        pbx.say("call 2", "call 3")
        wait_until(lambda: is_reported(state=LinkState.SPOOLING, spooled=2), "the spool")
        since = status().since
        server = start_redis(tmp_path, port, *options)
        pbx.say("call 4")
        wait_for("LinkRestored", "1", "2", "3", "4")
        wait_until(lambda: is_reported(state=LinkState.UP, spooled=0), "the end of spooling")
        assert since == journalled()[2].at, "another host's listener has the gap begin there"
        assert len(pbx.links) == 1
    finally:
        one.stop()
        stop(server)


def test_a_redis_that_comes_back_empty_is_given_the_latest_events_and_the_link_is_made_again(
    pbx: Switch, listening: Listening
) -> None:
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    client().flushall()

    pbx.say("call 2")

    pbx.wait_for_link(2)
    wait_for("LinkRestored", "1", "2", "LinkLost", "LinkRestored")
    (lost,) = [one for one in journalled() if isinstance(one, LinkLost)]
    assert "Redis lost the journal" in (lost.data.reason or "")


def test_a_journal_that_what_gathered_finds_empty_has_the_link_made_again(
    pbx: Switch, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: only with the next event, which on a quiet line is hours away."""
    monkeypatch.setattr(durable_append, "GATHER_SECONDS", 1.0)
    wait_for("LinkRestored")
    pbx.say("call 1", "ring 2")
    wait_until(lambda: words()[1:2] == ["1"], "the call, after which the other event gathers")
    client().flushall()

    pbx.wait_for_link(2)
    wait_for("LinkRestored", "1", "2", "LinkLost", "LinkRestored")


def test_a_journal_that_the_spool_finds_empty_has_the_link_made_again(
    pbx: Switch, settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "empty").mkdir()
    server = start_redis(tmp_path, port)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    one = Listening()
    try:
        pbx.wait_for_link()
        pbx.say("call 1")
        wait_until(lambda: is_reported(events=1), "the acknowledgement")
        stop(server, signal.SIGKILL)
        pbx.say("call 2")
        wait_until(lambda: is_reported(state=LinkState.SPOOLING, spooled=1), "the spool")
        server = start_redis(tmp_path / "empty", port)

        pbx.wait_for_link(2)
        wait_for("LinkRestored", "1", "2", "LinkLost", "LinkRestored")
    finally:
        one.stop()
        stop(server)


def test_a_full_spool_is_a_gap_with_its_reason(pbx: Switch, settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port, "--appendonly", "yes", "--appendfsync", "always")
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    settings.SPOOL_MAX_BYTES = 1000
    one = Listening()
    try:
        pbx.wait_for_link()
        wait_for("LinkRestored")
        stop(server, signal.SIGKILL)
        pbx.say(*[f"call {n}" for n in range(10)])
        wait_until(lambda: is_reported(last_error__startswith="SpoolFull"), "the full spool")
        server = start_redis(tmp_path, port, "--appendonly", "yes", "--appendfsync", "always")
        wait_until(lambda: words()[2:][-1:] == ["LinkRestored"], "the link")
        kept = words()
        assert kept == ["LinkRestored", *[str(n) for n in range(len(kept) - 3)], "LinkLost", "LinkRestored"]
        (lost,) = [event for event in journalled() if isinstance(event, LinkLost)]
        assert "spool is full" in (lost.data.reason or "")
        wait_until(lambda: [one.bound for one in refused_lately("pbx")] == [SPOOL], "what was refused")
    finally:
        one.stop()
        stop(server)
