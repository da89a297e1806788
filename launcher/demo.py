"""``./gateway demo``: the whole gateway between a simulated PBX and a simulated QMS, and calls being flagged."""

import io
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError

from gateway_site.config.apply import apply
from gateway_site.config.export import export
from launcher import demo_check, process_set, procfile, simulators
from launcher.demo_counts import DemoCounts, line, summary, tally
from launcher.demo_options import FOLDER, DemoOptions, options
from launcher.supervisor import Stopped, Supervisor, say, stopped_by_signals

#: How often the counts are told.
TELL_SECONDS = 5.0
#: The PBX begins to count when it is listened to, and lets its last calls end.
LONGEST_OVERTIME_SECONDS = 60.0
#: How long after the end the last flags may take; after Ctrl-C a person waits.
DRAIN_SECONDS, DRAIN_SECONDS_WHEN_STOPPED = 45.0, 5.0
START_SECONDS = 60.0


class DemoFailed(Exception):
    """The demo could not show what it is for; the text says why."""


def run(words: list[str]) -> int:
    """Run the demo and return 0 when at least one call was flagged and every flag stands where it belongs."""
    demo = Demo(options(words))
    _log_to_file()
    try:
        with stopped_by_signals():
            demo.start()
            demo.show()
    except Stopped:
        demo.was_stopped = True
        say("\nstopping")
    except (DemoFailed, TimeoutError) as error:
        say(f"gateway: {error}\nThe programs' own words are in {FOLDER / 'logs'}")
        demo.supervisor.stop_all()
        return 1
    try:
        return demo.finish()
    finally:
        demo.supervisor.stop_all()


class Demo:
    """One demo, from the start to the summary."""

    def __init__(self, asked: DemoOptions) -> None:
        self.asked = asked
        self.supervisor = Supervisor()
        self.simulators = simulators.choose(asked)
        self.was_stopped = False
        self._password = secrets.token_urlsafe(9)
        self._has_begun = False
        self._began = time.monotonic()

    def start(self) -> None:
        """Start the store and the simulated QMS, set the site up, then start what works."""
        say(f"starting (logs in {FOLDER / 'logs'}) ...")
        programs = procfile.programs(dict(os.environ), FOLDER / "logs")
        self.supervisor.start(self.simulators.qms())
        process_set.start_store(self.supervisor, programs)
        self._wait(lambda: _is_listening(self.simulators.qms_port), simulators.QMS)
        self._set_up()
        process_set.start_work(self.supervisor, programs)
        self.supervisor.start(self.simulators.pbx(self.asked))
        host, port = os.environ["BIND"].rsplit(":", 1)
        self._wait(lambda: _is_listening(int(port)), "web")
        say(f"\n  QMS Gateway   http://{host}:{port}/admin/\n  login         admin / {self._password}\n")
        self._began = time.monotonic()
        self._has_begun = True

    def show(self) -> None:
        """Tell the counts every few seconds, until the time is over."""
        next_line = self._began
        first_is_told = False
        while not self._is_over():
            self.supervisor.watch()
            if time.monotonic() >= next_line:
                now = self._told()
                next_line += TELL_SECONDS
                if now.flagged and not first_is_told:
                    first_is_told = True
                    say(f"the first call was flagged within {time.monotonic() - self._began:.0f} s")
            time.sleep(0.25)

    def finish(self) -> int:
        """Let what is under way end, say what was seen, compare with QMS, and return the exit status."""
        if not self._has_begun:
            return 0
        self._drain()
        try:
            recordings = demo_check.qms_recordings(self.simulators.qms_address)
        except OSError as error:
            say(f"the simulated QMS does not answer, so nothing could be compared: {error}")
            return 1
        end = tally()
        say(f"\n{summary(end)}")
        return self._judge(end, demo_check.differences(recordings), sum(1 for one in recordings if one.flags))

    def _judge(self, end: DemoCounts, differences: list[str], held: int) -> int:
        if differences:
            say(f"In QMS {len(differences)} things are not as they must be:")
            for one in differences[:20]:
                say(f"  {one}")
            return 1
        say(f"In QMS {held} recordings carry flags: every flagged recording carries exactly the flags of its leg.")
        if not end.flagged and not self.was_stopped:
            say("No call was flagged.")
            return 1
        return 0

    def _set_up(self) -> None:
        """Make the login, apply the declaration, create the flags in QMS and load its users."""
        get_user_model().objects.filter(username="admin").delete()
        get_user_model().objects.create_superuser("admin", password=self._password)
        apply(self.simulators.declaration())
        (FOLDER / "config.toml").write_text(export(), encoding="utf-8")
        said = io.StringIO()
        for command in ("create_flags", "sync_users"):
            call_command(command, stdout=said, stderr=said)
        (FOLDER / "logs" / "setup.log").write_text(said.getvalue())

    def _is_over(self) -> bool:
        """Say whether the time is over and the last call has ended."""
        if self.asked.seconds is None:
            return False
        late = time.monotonic() > self._began + self.asked.seconds + LONGEST_OVERTIME_SECONDS
        return late or self.supervisor.has_ended(simulators.PBX)

    def _wait(self, is_there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_there():
            self.supervisor.watch()
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not start within {START_SECONDS:.0f} s")
            time.sleep(0.1)

    def _drain(self) -> None:
        """Wait until no leg waits any more, as long as is decent."""
        if self.was_stopped:
            self.supervisor.stop({simulators.PBX})
        deadline = time.monotonic() + (DRAIN_SECONDS_WHEN_STOPPED if self.was_stopped else DRAIN_SECONDS)
        while tally().waiting and time.monotonic() < deadline:
            self.supervisor.watch()
            time.sleep(0.5)

    def _told(self) -> DemoCounts:
        try:
            now = tally()
        except OperationalError as error:
            raise DemoFailed(f"the database does not answer: {error}") from error
        say(f"{time.strftime('%H:%M:%S')}  {line(now)}")
        return now


def _log_to_file() -> None:
    """Leave the terminal to what the demo tells; this process's own log goes to a file like the others'."""
    log = (FOLDER / "logs" / "demo.log").open("a", buffering=1)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
