"""Listeners for the tests: in a thread of this process, or as processes of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from django.db import connection
from pytest_django import Settings

from cti import api
from cti.events import AnyEvent, decode
from cti.journal.lease import Lease, standing
from cti.listener.listener import Listener
from cti.listener.source_config import source_config
from cti.models import CtiSource, LinkStatus
from devtools.servers import wait_until

#: A stop takes under two seconds; a busy machine is allowed more, but no wait for Redis may be sat out.
LIMIT_SECONDS = 4.5
LINE_SOURCE = "tests.cti.line_source"


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


def leader_is(process: Process) -> bool:
    return Lease("pbx", "nobody").holder().endswith(f":{process.pid}")


def standbys() -> list[int]:
    return [int(one.owner.rpartition(":")[2]) for one in standing("pbx").standbys if one.is_present]
