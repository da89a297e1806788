"""Two hosts on this machine: network namespaces on a bridge, each with all programs of a gateway of its own."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from launcher.supervisor import Program, Supervisor

HOSTS = ("one", "two")
#: The second host's programs; the first's keep their plain names.
SECOND = " on two"


class HostNetwork:
    """A bridge, which has the stores, PBX and QMS, and a network namespace for each host."""

    def __init__(self) -> None:
        number = os.getpid() % 250
        self._bridge = f"gwf{number}"
        self._prefix = f"10.77.{number}"
        self.address = f"{self._prefix}.1"

    def build(self) -> None:
        """Make bridge and namespaces. Raises ``CalledProcessError`` where the machine does not allow it."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, host in enumerate(HOSTS, start=2):
            space, near, far = self._names(host)
            _ip("netns", "add", space)
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
            _ip("link", "set", near, "master", self._bridge, "up")
            _ip("-n", space, "address", "add", f"{self._prefix}.{number}/24", "dev", far)
            _ip("-n", space, "link", "set", far, "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def part(self, host: str) -> None:
        """Pull the host's cable: nothing comes through any more, and no connection is closed."""
        _ip("link", "set", self._names(host)[1], "down")

    def join(self, host: str) -> None:
        """Plug it in again."""
        _ip("link", "set", self._names(host)[1], "up")

    def close(self) -> None:
        """Take everything away."""
        for host in HOSTS:
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", self._names(host)[0])
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "delete", self._bridge)

    def on_host(self, host: str, program: Program, folder: Path) -> Program:
        """Return the program as it runs on a host: its network, its name, its folder for what it keeps."""
        space = ["ip", "netns", "exec", self._names(host)[0], "unshare", "--uts", "/bin/sh", "-c"]
        own = {"GATEWAY_VAR": str(folder / f"var-{host}"), "SPOOL_DIR": str(folder / f"spool-{host}")}
        end = "" if host == HOSTS[0] else SECOND
        return replace(
            program,
            name=f"{program.name}{end}",
            command=[*space, f'hostname {host} && exec "$@"', "sh", *program.command],
            environment={**program.environment, **own},
            log=program.log.with_stem(f"{program.log.stem}-{host}") if program.log else None,
        )

    def _names(self, host: str) -> tuple[str, str, str]:
        return f"{self._bridge}-{host}", f"{self._bridge}{host}", "eth0"


def programs_of(host: str, supervisor: Supervisor, others: Sequence[str]) -> list[Program]:
    """Return the programs of a host that run now; ``others``: those of no host."""
    is_second = host == HOSTS[1]
    names = [name for name in sorted(supervisor.names - set(others)) if name.endswith(SECOND) == is_second]
    return [supervisor.program(name) for name in names]


def lose(network: HostNetwork, host: str, supervisor: Supervisor, others: Sequence[str]) -> Callable[[], None]:
    """Take a host's power: its network first, so that no connection is closed. Return what gives it back."""
    programs = programs_of(host, supervisor, others)
    network.part(host)
    for one in programs:
        _kill_tree(supervisor.pid(one.name))
    supervisor.stop({one.name for one in programs})

    def give_back() -> None:
        network.join(host)
        for one in programs:
            supervisor.start(one)

    return give_back


def _kill_tree(pid: int) -> None:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(word) for word in children.read_text().split()] if children.exists() else []
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for one in below:
        _kill_tree(one)


def _ip(*words: str) -> None:
    command = ["ip", *words]
    subprocess.run(command, check=True, capture_output=True)
