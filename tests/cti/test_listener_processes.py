"""Listeners as processes of their own: killed, hung, stopped, and never two that lead."""

import signal
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from cti.journal.stream import client, journal_key
from devtools.servers import free_port, start_redis, stop, wait_until
from tests.cti.listening import LIMIT_SECONDS, Process, is_reported, leader_is, standbys, wait_for, words
from tests.simulators.switch import Switch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis", "line_sources"),
    pytest.mark.one_database,
]


def test_sigterm_ends_a_listener_within_two_seconds(
    pbx: Switch, processes: list[Process], settings: Settings, tmp_path: Path
) -> None:
    one = Process(settings, tmp_path)
    processes.append(one)
    pbx.wait_for_link()
    wait_for("LinkRestored")
    pbx.say("call 1", "ring 2", "ring 3")
    wait_until(lambda: "1" in words(), "the call, after which the others gather")
    began = time.monotonic()

    assert one.end(signal.SIGTERM) == 0

    assert time.monotonic() - began < LIMIT_SECONDS
    *heard, end = words()
    assert end == "LinkLost"
    assert heard == ["LinkRestored", "1", "2", "3"][: len(heard)], "it had not read the rest yet"


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_a_second_listener_takes_over_within_five_seconds_when_the_leader(
    pbx: Switch, processes: list[Process], settings: Settings, tmp_path: Path, fault: int
) -> None:
    first = Process(settings, tmp_path / "a")
    processes.append(first)
    pbx.wait_for_link()
    second = Process(settings, tmp_path / "b")
    processes.append(second)
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    log = tmp_path / "b" / "log"
    wait_until(lambda: "standing_by" in log.read_text(), "the second listener")
    wait_until(lambda: standbys() == [second.pid], "its name on the page of the source")
    began = time.monotonic()

    first.send(fault)
    pbx.wait_for_link(2)
    wait_for("LinkRestored", "1", "LinkLost", "LinkRestored")

    assert time.monotonic() - began < 5
    pbx.say("call 2")
    if fault == signal.SIGSTOP:
        first.send(signal.SIGCONT)
        pbx.links[0].sendall(b"call 3\n")  # What the old leader still hears comes too late.
        wait_until(lambda: "leadership_lost" in (tmp_path / "a" / "log").read_text(), "the old leader's end")
    wait_for("LinkRestored", "1", "LinkLost", "LinkRestored", "2")
    assert leader_is(second)
    assert second.pid not in standbys()


def test_a_redis_that_stood_still_leaves_the_lead_to_the_listener_with_the_events(
    pbx: Switch, processes: list[Process], settings: Settings, tmp_path: Path
) -> None:
    """What the other asked of Redis meanwhile is done when it goes on; by then the leader's lease has run out."""
    port = free_port()
    server = start_redis(tmp_path, port)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    first = Process(settings, tmp_path / "a")
    processes.append(first)
    try:
        pbx.wait_for_link()
        processes.append(Process(settings, tmp_path / "b"))
        wait_until(lambda: standbys() == [processes[1].pid], "the second listener")
        server.send_signal(signal.SIGSTOP)
        pbx.say("call 1", "call 2")
        log = tmp_path / "b" / "log"
        wait_until(lambda: log.read_text().count("journal_unavailable") > 1, "the second listener's tries")
        server.send_signal(signal.SIGCONT)
        wait_for("LinkRestored", "1", "2")
        pbx.say("call 3")
        wait_for("LinkRestored", "1", "2", "3")
        wait_until(lambda: leader_is(first), "the lease")
        wait_until(lambda: standbys() == [processes[1].pid], "the second listener, back at its place")
        assert leader_is(first)
    finally:
        server.send_signal(signal.SIGCONT)
        for process in processes:
            process.end()
        stop(server)


def test_a_killed_listener_brings_its_spool_when_it_comes_back(
    pbx: Switch, processes: list[Process], settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    options = ("--appendonly", "yes", "--appendfsync", "always")
    server = start_redis(tmp_path, port, *options)
    settings.JOURNAL_URL = f"redis://127.0.0.1:{port}/0"
    one = Process(settings, tmp_path / "a")
    processes.append(one)
    try:
        pbx.wait_for_link()
        pbx.say("call 1")
        wait_for("LinkRestored", "1")
        stop(server, signal.SIGKILL)
        pbx.say("call 2", "call 3")
        wait_until(lambda: is_reported(spooled=2), "the spool")
        one.end(signal.SIGKILL)
        with (tmp_path / "a" / "spool" / "pbx" / "events").open("ab") as spool:
            spool.write(b'1-1 00000000 {"torn')
        server = start_redis(tmp_path, port, *options)
        processes.append(Process(settings, tmp_path / "a"))
        wait_for("LinkRestored", "1", "2", "3", "LinkLost", "LinkRestored")
        assert client().xlen(journal_key("pbx")) == 6
    finally:
        for process in processes:
            process.end()
        stop(server)
