"""``./gateway simulate_qms``: a simulated QMS as a real SOAP server, until it is stopped."""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.address import add_address, listening
from simulators.program import run_program, say
from simulators.qms.envelopes import Credentials
from simulators.qms.people import person
from simulators.qms.records import ANY, SimulatedService, Troubles
from simulators.qms.server import FIRST_PATH, SimulatedServer
from simulators.qms.site import SimulatedQms
from simulators.qms.storage import RecordFile

HELP = "Run a simulated QMS: SOAP over HTTP for the gateway, a JSON side door for the simulated PBX and for tests."


def run(words: Sequence[str]) -> int:
    """Serve until the end that the words name, SIGTERM or Ctrl-C; return the exit status."""
    return run_program(_parser(), words, _serve_until_stopped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway simulate_qms", description=HELP, allow_abbrev=False)
    add_address(parser, 8090)
    parser.add_argument("--window-seconds", type=float, default=10, help="How long a recording's GUID is returned.")
    parser.add_argument("--delay-ms", type=int, default=0, help="How long each SOAP answer takes.")
    parser.add_argument("--fault-rate", type=float, default=0, help="Part of the SOAP calls that fail, 0 to 1.")
    parser.add_argument("--like-guids", action="store_true", help="GUIDs that differ in few digits only.")
    parser.add_argument("--seed", type=int, help="Of GUIDs and faults; chance when left out.")
    parser.add_argument("--users", type=int, default=100, help="Users from extension 2001 on.")
    parser.add_argument("--state", type=Path, help="File that keeps users, flags and recordings over a restart.")
    parser.add_argument("--username", default="gateway")
    parser.add_argument("--password", default=os.environ.get("QMS_PASSWORD", "demo"))
    parser.add_argument(
        "--service",
        type=_service,
        action="append",
        metavar="SLUG:DATA_SERVER:IDENTIFIER[,IDENTIFIER]",
        help="A Recording Service; may be repeated. The first answers at /recording-service too, each at /SLUG.",
    )
    return parser


def _serve_until_stopped(options: dict[str, Any]) -> None:
    file = RecordFile(options["state"]) if options["state"] else None
    server = SimulatedServer(_site(options, file), Credentials(options["username"], options["password"]))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(server, options))
    finally:
        if file is not None:
            file.close()


async def _serve(server: SimulatedServer, options: dict[str, Any]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with listening(server, options) as address:
        say(f"Simulated QMS listens on http://{address}/{FIRST_PATH}")
        await stop.wait()


def _site(options: dict[str, Any], file: RecordFile | None) -> SimulatedQms:
    troubles = Troubles(options["delay_ms"], options["fault_rate"], options["window_seconds"])
    services = options["service"] or [SimulatedService()]
    keep = {"keep": file.keep} if file else {}
    # The same seed gives the same GUIDs again: a gateway that remembers them would take new recordings for old ones.
    seed = random.SystemRandom().getrandbits(32) if options["seed"] is None else options["seed"]
    qms = SimulatedQms(services, troubles=troubles, seed=seed, has_like_guids=options["like_guids"], **keep)
    if file is not None:
        qms.restore(file.records())
    if not qms.users:
        qms.set_users(_people(options["users"], services))
    return qms


def _people(count: int, services: Sequence[SimulatedService]) -> list[Any]:
    """Spread the users over the services in turn; those of a service without an identifier are for "Any"."""
    places = [(service.identifiers or (ANY,))[0] for service in services]
    return [person(index, places[index % len(places)]) for index in range(count)]


def _service(text: str) -> SimulatedService:
    slug, _, rest = text.partition(":")
    data_server, _, identifiers = rest.partition(":")
    if not slug or not data_server:
        raise argparse.ArgumentTypeError("SLUG:DATA_SERVER:IDENTIFIER[,IDENTIFIER] is wanted")
    return SimulatedService(slug, data_server, tuple(one for one in identifiers.split(",") if one))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
