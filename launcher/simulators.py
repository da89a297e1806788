"""The demo's simulated QMS and PBX, and the declaration that leads the gateway to them."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from gateway_site.config.declaration import Declaration, read
from launcher.demo_options import FOLDER, DemoOptions
from launcher.paths import ROOT
from launcher.supervisor import Program
from simulators.pbx.people import MAXIMUM_AGENTS, make_agents, make_supervisors
from simulators.pbx.plan import Plan, enough_agents

QMS, PBX = "simulated QMS", "simulated PBX"
#: What Python runs for them.
QMS_MODULE, PBX_MODULE = "simulators.qms", "simulators.pbx"

QMS_PORT_FILE, PBX_PORT_FILE = FOLDER / "qms.port", FOLDER / "pbx.port"

#: The demo applies the example that the manual shows, so that the example is true.
EXAMPLE = ROOT / "gateway.example.toml"


def simulated_site(qms_address: str, pbx_host: str, pbx_port: int | None, agents: int) -> Declaration:
    """Return the example's declaration for a simulated QMS and PBX, with a device for each of the PBX's agents."""
    example = read(EXAMPLE.read_text(encoding="utf-8"))
    service, source = example.recording_services[0], example.cti_sources[0]
    devices = [agent.extension for agent in (*make_agents(agents), *make_supervisors(agents))]
    return msgspec.structs.replace(
        example,
        recording_services=[msgspec.structs.replace(service, url=f"{qms_address}/recording-service")],
        cti_sources=[msgspec.structs.replace(source, host=pbx_host, port=pbx_port, devices=devices)],
    )


@dataclass(frozen=True)
class Simulators:
    """The two programs. Each binds a free port of its own and writes it into a file, by which it is found."""

    agents: int

    @property
    def qms_port(self) -> int | None:
        """Return where the simulated QMS listens; None until it does."""
        return _port(QMS_PORT_FILE)

    @property
    def pbx_port(self) -> int | None:
        """Return where the simulated PBX listens; None until it does."""
        return _port(PBX_PORT_FILE)

    @property
    def qms_address(self) -> str:
        """Return the simulated QMS's address, its side door included."""
        return f"http://127.0.0.1:{self.qms_port}"

    def declaration(self) -> Declaration:
        """Return the example's declaration with these ports, and a device for each agent."""
        return simulated_site(self.qms_address, "127.0.0.1", self.pbx_port, self.agents)

    def qms(self) -> Program:
        """Return the simulated QMS; its files keep its recordings and its port over a restart."""
        words = ["--port-file", str(QMS_PORT_FILE), "--state", str(FOLDER / "qms.jsonl"), "--users", str(self.agents)]
        return _simulator(QMS, QMS_MODULE, *words)

    def pbx(self, asked: DemoOptions) -> Program:
        """Return the simulated PBX; with an end it makes its last calls in time to end by then."""
        words = [
            "--client-seconds",
            "180",
            "--port-file",
            str(PBX_PORT_FILE),
            "--qms-port-file",
            str(QMS_PORT_FILE),
            "--agents",
            str(self.agents),
        ]
        words += ["--calls-per-second", str(asked.calls_per_second)]
        words += [] if asked.seconds is None else ["--for", str(asked.seconds)]
        return replace(_simulator(PBX, PBX_MODULE, *words), ends=asked.seconds is not None)


def choose(asked: DemoOptions) -> Simulators:
    """Choose as many agents as the calls need."""
    plan = Plan()
    needed = enough_agents(asked.calls_per_second, plan.ring_seconds, plan.talk_seconds, plan.wrapup_seconds)
    return Simulators(min(max(plan.agents, needed), MAXIMUM_AGENTS))


def _simulator(name: str, module: str, *words: str) -> Program:
    log = FOLDER / "logs" / f"{module}.log"
    command = [sys.executable, "-m", module, *words]
    return Program(name=name, command=command, environment=dict(os.environ), folder=ROOT, log=log, rank=1)


def _port(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() else None
