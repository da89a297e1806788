"""Where a simulator listens: the options that say so, and a server there."""

import argparse
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from simulators.port_file import chosen_port, remember_port
from simulators.program import CannotSimulate


class SimulatedListener(Protocol):
    """A server; ``port``: the one that it has bound."""

    port: int

    def listening(self, host: str, port: int) -> AbstractAsyncContextManager[None]:
        """Listen while the context lasts."""


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options; ``port``: the one without them."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port, help="0: any free port; the line printed names it.")
    help_of_file = "Any free port, written to this file; the port in the file where it exists already."
    parser.add_argument("--port-file", type=Path, metavar="FILE", help=help_of_file)


@contextlib.asynccontextmanager
async def listening(server: SimulatedListener, options: dict[str, Any]) -> AsyncIterator[str]:
    """Listen while the context lasts; gives the address that was bound. Raises ``CannotSimulate``."""
    host, port = options["host"], chosen_port(options["port_file"], options["port"])
    try:
        async with server.listening(host, port):
            remember_port(options["port_file"], server.port)
            yield f"{host}:{server.port}"
    except OSError as error:
        raise CannotSimulate(f"Cannot listen on {host}:{port}: {error.strerror}") from error
