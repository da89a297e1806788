"""``./gateway demo``: the whole gateway between a simulated PBX and a simulated QMS, and calls being flagged."""

import io
import logging
import os
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError

from gateway_site.config.apply import apply
from gateway_site.config.declaration import ConfigError
from gateway_site.config.export import export
from launcher import demo_check, demo_login, forks, process_set, procfile, simulators
from launcher.demo_counts import DemoCounts, counts_text, summary, tally
from launcher.demo_options import FOLDER, DemoOptions, options
from launcher.progress import step
from launcher.supervisor import Stopped, Supervisor, say, stopped_by_signals
from launcher.web_answer import web_answers

#: How often the counts are printed, in seconds; more often until the first call is flagged.
COUNTS_INTERVAL, FIRST_COUNTS_INTERVAL = 5.0, 2.0
#: The PBX begins to count when it is listened to, and lets its last calls end.
MAXIMUM_OVERTIME = 60.0  # seconds
#: How long after the end the last flags may take, in seconds; after Ctrl-C a person waits.
DRAIN_TIMEOUT, DRAIN_TIMEOUT_WHEN_STOPPED = 45.0, 5.0
START_TIMEOUT = 60.0  # seconds


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
    except (DemoFailed, process_set.StoreFailed, TimeoutError) as error:
        say(f"gateway: {error}\nThe programs' logs are in {FOLDER / 'logs'}")
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
        self._began = self._served = time.monotonic()

    def start(self) -> None:
        """Start the store and the simulators, set the site up, then start what works."""
        say(f"starting (logs in {FOLDER / 'logs'})")
        programs = procfile.programs(dict(os.environ), FOLDER / "logs")
        # They start beside the migrations, which keep one processor busy for seconds.
        self.supervisor.start(self.simulators.qms())
        self.supervisor.start(self.simulators.pbx(self.asked))
        forks.begin_loading()
        with step("store and tables"):
            process_set.start_store(self.supervisor, programs)
        process_set.start_work(self.supervisor, programs, as_forks=True)
        with step("simulated QMS and PBX"):
            self._wait(lambda: self.simulators.qms_port is not None, simulators.QMS)
            self._wait(lambda: self.simulators.pbx_port is not None, simulators.PBX)
        with step("site: login, declaration, flags and users"):
            self._set_up()
        with step("programs"):
            self._wait(lambda: web_answers(settings.BIND), "web")
        say(f"\n  QMS Gateway   {settings.BIND.url}/admin/\n  login         admin / {self._password}\n")
        self._has_begun = True

    def show(self) -> None:
        """Print the counts every few seconds, until the time is over."""
        next_line = self._served = time.monotonic()
        first_is_reported = False
        while not self._is_over():
            self.supervisor.watch()
            if time.monotonic() >= next_line:
                now = self._counts()
                next_line += COUNTS_INTERVAL if first_is_reported else FIRST_COUNTS_INTERVAL
                if now.flagged and not first_is_reported:
                    first_is_reported = True
                    say(f"the first call was flagged within {time.monotonic() - self._began:.0f} s of the start")
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
        return self._judge(end, recordings)

    def _judge(self, end: DemoCounts, recordings: list[demo_check.HeldRecording]) -> int:
        if differences := demo_check.differences(recordings):
            say(f"In QMS {len(differences)} things are not as they must be:")
            for one in differences[:20]:
                say(f"  {one}")
            return 1
        for line in demo_check.held_lines(recordings):
            say(line)
        is_shown = end.flagged or end.shadow or self.was_stopped
        if not is_shown:
            say("No call was flagged.")
        return 0 if is_shown else 1

    def _set_up(self) -> None:
        """Make the login, apply the declaration, create the flags in QMS and load its users. Raises ``DemoFailed``."""
        try:
            self._set_site_up()
        except (CommandError, ConfigError, OSError, DatabaseError) as error:
            raise DemoFailed(f"the demo's site could not be set up: {error}") from error

    def _set_site_up(self) -> None:
        demo_login.renew(self._password)
        apply(self.simulators.declaration())
        (FOLDER / "config.toml").write_text(export(), encoding="utf-8")
        output = io.StringIO()
        for command in ("create_flags", "sync_users"):
            call_command(command, stdout=output, stderr=output)
        (FOLDER / "logs" / "setup.log").write_text(output.getvalue())

    def _is_over(self) -> bool:
        """Say whether the time is over and the last call has ended."""
        if self.asked.seconds is None:
            return False
        late = time.monotonic() > self._served + self.asked.seconds + MAXIMUM_OVERTIME
        return late or self.supervisor.has_ended(simulators.PBX)

    def _wait(self, is_there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_there():
            self.supervisor.watch()
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not start within {START_TIMEOUT:.0f} s")
            time.sleep(0.1)

    def _drain(self) -> None:
        """Wait until no leg is waiting, within the time that a person accepts."""
        if self.was_stopped:
            self.supervisor.stop({simulators.PBX})
        deadline = time.monotonic() + (DRAIN_TIMEOUT_WHEN_STOPPED if self.was_stopped else DRAIN_TIMEOUT)
        while tally().waiting and time.monotonic() < deadline:
            self.supervisor.watch()
            time.sleep(0.5)

    def _counts(self) -> DemoCounts:
        try:
            now = tally()
        except OperationalError as error:
            raise DemoFailed(f"the database does not answer: {error}") from error
        say(f"{time.strftime('%H:%M:%S')}  {counts_text(now)}")
        return now


def _log_to_file() -> None:
    """Leave the terminal to the demo; this process's own log goes to a file like the others'."""
    log = (FOLDER / "logs" / "demo.log").open("a", buffering=1)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)
