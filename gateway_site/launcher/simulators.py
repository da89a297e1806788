"""The demo's simulated QMS and PBX, and the declaration that leads the gateway to them."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_site.launcher.demo_place import FOLDER, Options, free_port
from gateway_site.launcher.places import ROOT
from gateway_site.launcher.supervisor import Program

QMS_PORT, PBX_PORT = 8090, 8733
QMS, PBX = "simulated QMS", "simulated PBX"

#: The demo applies the example that the manual shows, so that the example is true.
EXAMPLE = ROOT / "gateway.example.toml"


@dataclass(frozen=True)
class Simulators:
    """Where the two listen."""

    qms_port: int
    pbx_port: int

    @property
    def qms_address(self) -> str:
        """Return the simulated QMS's address, its side door included."""
        return f"http://127.0.0.1:{self.qms_port}"

    def declaration(self) -> str:
        """Return the example's TOML with the ports that the two listen on."""
        text = EXAMPLE.read_text(encoding="utf-8")
        return text.replace(f":{QMS_PORT}/", f":{self.qms_port}/").replace(
            f"port = {PBX_PORT}", f"port = {self.pbx_port}"
        )

    def qms(self) -> Program:
        """Return the simulated QMS; its file lets it live through a restart."""
        return _simulator(QMS, "simulate_qms", "--port", str(self.qms_port), "--state", str(FOLDER / "qms.jsonl"))

    def pbx(self, asked: Options) -> Program:
        """Return the simulated PBX; with an end it makes its last calls in time to end by then."""
        words = ["--port", str(self.pbx_port), "--qms", self.qms_address]
        words += ["--calls-per-second", str(asked.calls_per_second)]
        words += [] if asked.seconds is None else ["--for", str(asked.seconds)]
        return replace(_simulator(PBX, "simulate_pbx", *words), ends=asked.seconds is not None)


def choose() -> Simulators:
    """Choose the ports: the usual ones where they are free."""
    return Simulators(free_port(QMS_PORT), free_port(PBX_PORT))


def _simulator(name: str, command: str, *words: str) -> Program:
    log = Path(FOLDER / "logs" / f"{command}.log")
    manage = [sys.executable, str(ROOT / "manage.py"), command, *words]
    return Program(name=name, command=manage, environment=dict(os.environ), folder=ROOT, log=log, rank=1)
