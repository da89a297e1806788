"""``./gateway up``: the whole gateway on one machine, with the settings of ``.env``."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import OperationalError

from gateway_site.config.bind import Bind
from launcher import forks, locks, log_files, process_set, procfile
from launcher.paths import var_dir
from launcher.progress import step
from launcher.supervisor import Stopped, Supervisor, say, stopped_by_signals
from launcher.up_options import UpOptions, options
from launcher.web_answer import web_answers

#: How often the programs are looked at, and the sizes of their logs, in seconds.
WATCH_INTERVAL, LOGS_INTERVAL = 0.5, 60.0


class UpFailed(Exception):
    """The gateway cannot start here; the text says why and what to do."""


def run(words: list[str]) -> int:
    """Start everything and keep it running until SIGTERM or Ctrl-C; 1 where it cannot start."""
    asked = options(words)
    supervisor = Supervisor()
    try:
        with stopped_by_signals():
            bind = _take_place(asked)
            logs = None if asked.log_to_terminal else log_files.folder(var_dir())
            _start(supervisor, bind, logs)
            _keep_running(supervisor, logs)
    except Stopped:
        say("stopping")
    except (UpFailed, process_set.StoreFailed, TimeoutError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    finally:
        supervisor.stop_all()
    return 0


def _take_place(asked: UpOptions) -> Bind:
    """Take the folder and the web's address for this start. Raises ``UpFailed``."""
    bind: Bind = replace(settings.BIND, port=asked.port) if asked.port else settings.BIND
    try:
        locks.hold(var_dir() / "up.lock", f"process {os.getpid()}, {bind.url}/admin/")
    except locks.Locked as error:
        raise UpFailed(
            f"a gateway runs already in {var_dir()} ({error.holder}). Stop it, or name another folder in GATEWAY_VAR."
        ) from error
    if problem := bind.problem():
        raise UpFailed(f"BIND is {bind}: {problem}. Stop that program, or choose another: ./gateway up --port PORT.")
    os.environ["BIND"] = str(bind)
    return bind


def _start(supervisor: Supervisor, bind: Bind, logs: Path | None) -> None:
    say(f"starting (logs in {logs})" if logs else "starting")
    programs = procfile.programs(dict(os.environ), logs)
    forks.begin_loading()
    with step("store and tables"):
        process_set.start_store(supervisor, programs)
    process_set.start_work(supervisor, programs, as_forks=True)
    with step("programs"):
        while not web_answers(bind):
            supervisor.watch()
            time.sleep(WATCH_INTERVAL)
    _greet(bind)


def _keep_running(supervisor: Supervisor, logs: Path | None) -> None:
    look_at_logs = time.monotonic()
    while True:
        supervisor.watch()
        if logs and time.monotonic() >= look_at_logs:
            log_files.rotate_all(logs)
            look_at_logs += LOGS_INTERVAL
        time.sleep(WATCH_INTERVAL)


def _greet(bind: Bind) -> None:
    everywhere = "" if bind == bind.dialled else f", listening on {bind}"
    say(f"QMS Gateway: {bind.url}/admin/{everywhere}  (Ctrl-C stops it)")
    try:
        if not get_user_model().objects.filter(is_superuser=True, is_active=True).exists():
            say("There is no administrator yet: ./gateway manage createsuperuser")
    except OperationalError as error:
        say(f"the database does not answer now: {error}")
