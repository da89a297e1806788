"""The listener keeps what its source says, records every gap, and never lets two lead."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from cti import api
from cti.events import AnyEvent, LinkLost, LinkRestored, decode
from cti.journal.lease import Lease, standing
from cti.journal.stream import Entry, client, journal_key
from cti.listener import leadership
from cti.listener.listener import Listener
from cti.listener.source_config import source_config
from cti.models import CtiSource, LinkState, LinkStatus, QuarantinedMessage
from cti.sources.registry import use_packages
from devtools.servers import free_port, start_redis, stop, wait_until
from tests.cti.examples import source
from tests.simulators.switch import Switch, switch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

#: A stop takes under two seconds; a busy machine is allowed more, but no wait for Redis may be sat out.
LIMIT_SECONDS = 4.5
LINE_SOURCE = "tests.cti.line_source"


@pytest.fixture(autouse=True)
def _line_sources() -> Iterator[None]:
    """Install the tests' own kind of source, as an integrator does."""
    use_packages([LINE_SOURCE])
    yield
    use_packages(())


@pytest.fixture
def pbx() -> Iterator[Switch]:
    with switch() as one:
        source("pbx", "line", host="127.0.0.1", port=one.port)
        yield one


class Listening:
    """A listener in a thread of this process."""

    def __init__(self) -> None:
        self.row = CtiSource.objects.get(slug="pbx")
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        async def listen() -> None:
            self.listener = Listener(self.row.pk, source_config(self.row))
            self._ready.set()
            await self.listener.run()

        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(listen())
        except BaseException as error:  # noqa: BLE001  (looked at by the test)
            self.error = error

    def ask_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self.listener.stop)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.ask_to_stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        wait_until(lambda: not named_threads(), "the end of the listener's threads")
        assert self.error is None

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()


def named_threads() -> list[str]:
    names = {"journal", "database", "standby", "lease"}
    return [one.name for one in threading.enumerate() if one.name in names]


@pytest.fixture
def listening(pbx: Switch) -> Iterator[Listening]:
    one = Listening()
    pbx.wait_for_link()
    yield one
    one.stop()


def journalled() -> list[AnyEvent]:
    return [decode(entry.payload) for entry in api.read_journal("pbx", "0-0", 100_000)]


def words() -> list[str]:
    """Say what the journal holds: call ids, and what the link went through."""
    return [getattr(one.data, "call_id", None) or type(one).__name__ for one in journalled()]


def wait_for(*expected: str, seconds: float = 20) -> None:
    try:
        wait_until(lambda: words() == list(expected), "the events", seconds)
    except TimeoutError:
        assert words() == list(expected)


def status() -> LinkStatus:
    return LinkStatus.objects.get()


def is_reported(**members: object) -> bool:
    return LinkStatus.objects.filter(**members).exists()


def test_events_are_in_the_journal_in_order(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1", "call 2", "call 3")

    wait_for("LinkRestored", "1", "2", "3")


def test_the_status_shows_the_link_its_leader_and_what_was_refused(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1", "refuse 2001", "refuse 2002")

    wait_until(lambda: is_reported(state=LinkState.UP, events=1), "the status")
    wait_until(lambda: len(status().monitors_refused) == 2, "the refusals")
    assert set(status().monitors_again) == {"2001", "2002"}
    assert status().leader == listening.listener.owner
    assert status().last_event_at
    pbx.cut()
    wait_until(lambda: is_reported(last_error="the line was cut"), "the error")


def test_what_the_source_does_not_say_is_shown_with_when_it_is_asked_again(pbx: Switch, listening: Listening) -> None:
    pbx.say("lack no agents are listed")

    wait_until(lambda: is_reported(last_error__startswith="no agents are listed. It is asked again at"), "the status")
    assert status().state == LinkState.UP


def test_a_broken_message_is_kept_and_counted_and_holds_nothing_up(pbx: Switch, listening: Listening) -> None:
    pbx.say(*["garbage"] * 500, "call 1")

    wait_for("LinkRestored", "1")
    wait_until(lambda: QuarantinedMessage.objects.filter(count=500).exists(), "the quarantine")
    assert [bytes(row.raw) for row in QuarantinedMessage.objects.all()] == [b"garbage"]


def test_a_peer_that_sends_nothing_readable_is_not_shown_as_well(pbx: Switch, listening: Listening) -> None:
    """Before: whoever flooded the link with rubbish was "up", for its socket was."""
    pbx.say(*["garbage"] * leadership.UNREADABLE_LIMIT)
    wait_until(lambda: is_reported(lack=leadership.UNREADABLE_TEXT), "the status")

    pbx.say("call 1")
    wait_until(lambda: is_reported(lack="", events=1), "the status")


@pytest.mark.parametrize("how", ["cut", "bye"])
def test_a_link_that_ends_is_a_gap_and_is_made_again(pbx: Switch, listening: Listening, how: str) -> None:
    pbx.say("call 1")
    wait_for("LinkRestored", "1")

    pbx.cut() if how == "cut" else pbx.say("bye")
    pbx.wait_for_link(2)
    pbx.say("call 2")

    wait_for("LinkRestored", "1", "LinkLost", "LinkRestored", "2")
    (lost,) = [one for one in journalled() if isinstance(one, LinkLost)]
    assert lost.data.reason == ("the line was cut" if how == "cut" else "the source closed the link")


def test_a_source_that_is_not_there_is_tried_again_and_its_error_shown() -> None:
    source("pbx", "line", host="127.0.0.1", port=free_port())
    one = Listening()
    try:
        wait_until(lambda: is_reported(state=LinkState.DOWN, last_error__startswith="no connection"), "the error")
        assert words() == []
    finally:
        one.stop()


def test_a_refused_login_is_shown_with_what_to_do_and_tried_again_at_once_when_the_settings_are_changed(
    pbx: Switch,
) -> None:
    """A PBX bans who tries often: the next try by itself is a minute away, and its time is shown."""
    CtiSource.objects.update(username="stranger")
    one = Listening()
    try:
        wait_until(lambda: "It is tried again at" in status_error(), "the error")
        assert status_error().startswith("the login of stranger is refused. Correct the user name. It is tried again")
        assert timedelta(seconds=50) < next_try(status_error()) - timezone.now() < timedelta(seconds=70)
        assert len(pbx.links) == 1
        CtiSource.objects.update(username="gateway")
        pbx.wait_for_link(2)
        wait_for("LinkRestored")
    finally:
        one.stop()


def status_error() -> str:
    return "".join(LinkStatus.objects.values_list("last_error", flat=True))


def next_try(error: str) -> datetime:
    text = re.search(r"again at (\S+ [\d:]+)", error)
    assert text is not None
    return timezone.make_aware(datetime.fromisoformat(text[1]))


def test_changed_settings_make_a_new_link(pbx: Switch, listening: Listening) -> None:
    with switch() as other:
        CtiSource.objects.update(port=other.port)

        other.wait_for_link()
        wait_for("LinkRestored", "LinkLost", "LinkRestored")


def test_a_disabled_source_ends_its_listener(pbx: Switch, listening: Listening) -> None:
    CtiSource.objects.update(enabled=False)

    wait_until(lambda: listening.is_over, "the end", 10)


def test_a_stop_reports_the_gap_and_lets_another_lead_at_once(pbx: Switch, listening: Listening) -> None:
    wait_for("LinkRestored")
    began = time.monotonic()

    listening.stop()

    assert time.monotonic() - began < LIMIT_SECONDS
    assert words() == ["LinkRestored", "LinkLost"]
    assert client().get("lease:{pbx}") is None
    assert status().state == LinkState.DOWN


def test_a_start_after_an_earlier_life_reports_the_gap_from_its_last_sign(pbx: Switch, listening: Listening) -> None:
    pbx.say("call 1")
    wait_for("LinkRestored", "1")
    listening.stop()
    seen_at = status().reported_at

    again = Listening()
    try:
        wait_for("LinkRestored", "1", "LinkLost", "LinkLost", "LinkRestored")
    finally:
        again.stop()
    lost = [one for one in journalled() if isinstance(one, LinkLost)][1]
    assert (lost.at, lost.data.reason) == (seen_at, "listener restarted")
    assert isinstance(journalled()[-2], LinkRestored)


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
        server = start_redis(tmp_path, port, *options)
        pbx.say("call 4")
        wait_for("LinkRestored", "1", "2", "3", "4")
        wait_until(lambda: is_reported(state=LinkState.UP, spooled=0), "the end of spooling")
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
    finally:
        one.stop()
        stop(server)


@pytest.mark.parametrize("members", [{"kind": "http"}, {"kind": "csta_xml", "enabled": False}])
def test_a_source_that_needs_no_listener_is_refused_with_status_2(members: dict[str, object]) -> None:
    source("web", **members)  # type: ignore[arg-type]

    with pytest.raises(CommandError) as refusal:
        call_command("listen", "web")
    assert refusal.value.returncode == 2


# Listeners as processes of their own: killed, hung, stopped.


class Process:
    """A listener in another process, on this test's database and Redis."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        environment = dict(os.environ) | {
            "DATABASE_URL": database_url(),
            "GATEWAY_VAR": str(folder),
            "DJANGO_SETTINGS_MODULE": "gateway_site.settings",
            "JOURNAL_URL": settings.JOURNAL_URL,
            "CTI_SOURCE_PACKAGES": LINE_SOURCE,
        }
        command = [sys.executable, "manage.py", "listen", "pbx"]
        self.log = (folder / "log").open("ab")
        self._process = subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stderr=self.log)
        self.pid = self._process.pid

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and return the status and how it ended."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
        status = self._process.wait(10)
        self.log.close()
        return status


def database_url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"postgres://{found['USER']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[list[Process]]:
    running: list[Process] = []
    yield running
    for one in running:
        one.end()


def leader_is(process: Process) -> bool:
    return Lease("pbx", "nobody").holder().endswith(f":{process.pid}")


def standbys() -> list[int]:
    return [int(one.owner.rpartition(":")[2]) for one in standing("pbx").standbys if one.is_present]


def test_what_a_listener_has_not_seen_in_its_own_life_stays_as_the_last_one_reported_it(pbx: Switch) -> None:
    first = Listening()
    pbx.wait_for_link()
    pbx.say("call 1")
    wait_until(lambda: is_reported(events=1), "the status")
    pbx.cut()
    wait_until(lambda: is_reported(last_error="the line was cut"), "the error")
    first.stop()
    pbx.close()
    LinkStatus.objects.update(events=77)

    second = Listening()
    wait_until(lambda: is_reported(events=0), "the second one's report")
    second.stop()

    assert status().last_event_at
    assert status().last_error


def test_sigterm_ends_a_listener_within_two_seconds(
    pbx: Switch, processes: list[Process], settings: Settings, tmp_path: Path
) -> None:
    one = Process(settings, tmp_path)
    processes.append(one)
    pbx.wait_for_link()
    wait_for("LinkRestored")
    began = time.monotonic()

    assert one.end(signal.SIGTERM) == 0

    assert time.monotonic() - began < LIMIT_SECONDS
    assert words() == ["LinkRestored", "LinkLost"]


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


def test_what_came_too_late_is_shown_though_another_leads_from_then_on(pbx: Switch) -> None:
    row = CtiSource.objects.get(slug="pbx")
    late = Listener(row.pk, source_config(row))
    late._spool.append([Entry("1-1", b"{}")])

    late._retire_spool()
    asyncio.run(late._report_quarantine())
    late._close()

    assert "1 event kept while Redis was away came too late" in QuarantinedMessage.objects.get(source=row).error


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
