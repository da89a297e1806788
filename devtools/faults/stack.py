"""The whole gateway as processes, between a simulated PBX behind a line that breaks and a simulated QMS."""

import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import tomli_w
from msgspec import structs

from devtools.faults.earlier_version import EarlierVersion
from devtools.faults.environment import FaultEnvironment
from devtools.faults.limited_disk import Disk
from devtools.faults.options import FaultOptions
from devtools.faults.people import made_cast, qms_users
from devtools.faults.replicated_database import SERVERS
from devtools.faults.stepped_clock import Clock
from devtools.faults.stores import DATABASE, REDIS, START_TIMEOUT, stores
from devtools.faults.tcp_proxy import TcpProxy
from devtools.faults.two_hosts import HOSTS, HostNetwork
from devtools.servers import is_listening, wait_until
from devtools.site_setup import set_up
from gateway_site.config.declaration import Declaration
from launcher import process_set, procfile
from launcher.paths import ROOT
from launcher.simulators import PBX_MODULE, QMS_MODULE, simulated_site
from launcher.supervisor import Program, Supervisor
from simulators.pbx.people import MAXIMUM_AGENTS, make_supervisors
from simulators.pbx.plan import Plan, enough_agents

QMS, PBX = "simulated QMS", "simulated PBX"
#: Programs of no host.
OTHERS = (REDIS, DATABASE, *SERVERS[1:], QMS, PBX)
LISTENERS, STANDBY = "listeners", "standby listeners"
AGAIN_SECONDS = 1.0


class FaultStack:
    """Everything that runs in a run of faults."""

    def __init__(self, place: FaultEnvironment, asked: FaultOptions, network: HostNetwork | None = None) -> None:
        self.place, self.asked, self.network = place, asked, network
        # As a service manager does: what is killed again and again comes back at once each time.
        self.supervisor = Supervisor(longest_wait=AGAIN_SECONDS)
        self.line = TcpProxy(place.pbx_port, place.host)
        self.disk = Disk(place.store)
        self.stores = stores(place)
        self.earlier = EarlierVersion(asked.upgrade_from, place.folder, place.logs) if asked.upgrade_from else None
        self.clock = Clock(place.folder, asked.skew_seconds)
        plan = Plan()
        needed = enough_agents(asked.calls_per_second, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)
        self.agents = min(max(plan.agents, needed), MAXIMUM_AGENTS)
        self.cast = made_cast(self.agents, asked.seed)

    def start(self) -> None:
        """Start the store, QMS and what works; the PBX begins its day as soon as it is listened to."""
        self.stores.start(self.supervisor)
        self.supervisor.start(self._simulator(QMS, QMS_MODULE, *self._qms_words()))
        self._await(lambda: is_listening(self.place.qms_port, self.place.host), QMS)
        self._introduce_people()
        if self.earlier:
            self._start_earlier(self.earlier)
        else:
            programs = self.programs()
            process_set.start_store(self.supervisor, programs)
            set_up(self._declaration(), self.place.logs / "setup.log")
            process_set.start_work(self.supervisor, programs)
        self.supervisor.start(self._simulator(PBX, PBX_MODULE, *self._pbx_words()))
        self._await(self.place.ledger.exists, PBX)

    def stop(self, *, keep: bool) -> None:
        """Stop everything. ``keep``: leave behind what Redis and PostgreSQL stored."""
        self.disk.make_room()
        self.supervisor.stop_all()
        self.stores.stop()
        self.line.close()
        self.disk.close(self.place.folder / "kept" if keep else None)

    def programs(self) -> list[Program]:
        """Return the Procfile's programs, living by the gateway's clock, for each host; a second keeper of listeners
        where one was asked for.
        """
        programs = procfile.programs(self.environment(), self.place.logs)
        if (network := self.network) is not None:
            return [network.on_host(host, one, self.place.folder) for host in HOSTS for one in programs]
        if self.asked.listeners == 1:
            return programs
        first = next(one for one in programs if one.name == LISTENERS)
        own = {**first.environment, "SPOOL_DIR": str(self.place.folder / "standby-spool")}
        return [*programs, replace(first, name=STANDBY, log=self.place.logs / "standby.log", environment=own)]

    def environment(self) -> dict[str, str]:
        """Return the environment in which the gateway's programs run."""
        return {**os.environ, **self.clock.environment()}

    def _start_earlier(self, earlier: EarlierVersion) -> None:
        """Let the earlier version make its own tables and settings, and start it."""
        file = self.place.folder / "site.toml"
        file.write_text(tomli_w.dumps(msgspec.to_builtins(self._declaration())))
        said = [earlier.manage("migrate", "--verbosity", "0"), earlier.manage("apply_config", str(file))]
        said += [earlier.manage(command) for command in ("create_flags", "sync_users")]
        (self.place.logs / "setup.log").write_text("".join(said))
        for one in earlier.programs(self.environment()):
            self.supervisor.start(one)

    def _introduce_people(self) -> None:
        """Let PBX and QMS know who works here and who calls."""
        self._people.write_bytes(msgspec.json.encode(self.cast))
        with urllib.request.urlopen(f"{self.place.qms_address}/users", qms_users(self.cast), timeout=START_TIMEOUT):
            pass

    @property
    def _people(self) -> Path:
        return self.place.folder / "people.json"

    def _declaration(self) -> Declaration:
        """Return the demo's declaration with these ports, the line before the PBX, and every flag enabled."""
        site = simulated_site(self.place.qms_address, self.place.host, self.line.port, self.agents)
        supervisors = [one.extension for one in make_supervisors(self.agents)]
        devices = [*(one.extension for one in self.cast.agents), *supervisors]
        return structs.replace(site, cti_sources=[structs.replace(site.cti_sources[0], devices=devices)])

    def _qms_words(self) -> list[str]:
        state = self.place.folder / "qms.jsonl"
        words = [
            "--host",
            self.place.host,
            "--port",
            str(self.place.qms_port),
            "--state",
            str(state),
            "--like-guids",
        ]
        return [*words, "--seed", str(self.asked.seed)]

    def _pbx_words(self) -> list[str]:
        words = [
            "--host",
            self.place.host,
            "--port",
            str(self.place.pbx_port),
            "--qms",
            self.place.qms_address,
            "--agents",
            str(self.agents),
        ]
        words += ["--calls-per-second", str(self.asked.calls_per_second), "--seed", str(self.asked.seed)]
        words += ["--people", str(self._people)]
        return [*words, "--ledger", str(self.place.ledger), "--for", str(self.asked.minutes * 60)]

    def _simulator(self, name: str, module: str, *words: str) -> Program:
        command = [sys.executable, "-m", module, *words]
        return Program(name, command, dict(os.environ), ROOT, self.place.logs / f"{module}.log", ends=name == PBX)

    def _await(self, is_there: Callable[[], bool], what: str) -> None:
        wait_until(is_there, what, START_TIMEOUT)
