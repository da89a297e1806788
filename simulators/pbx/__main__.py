"""``./gateway simulate_pbx``: a simulated contact centre that speaks CSTA XML over TCP, until it is stopped."""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from simulators.address import add_address, listening
from simulators.pbx.cast import Cast, read_cast
from simulators.pbx.network_tap import tap_line
from simulators.pbx.plan import MIX, Plan, PlanError, enough_agents
from simulators.pbx.run import NoClient, SimulatedRun
from simulators.pbx.scenarios import day
from simulators.pbx.server import PbxServer
from simulators.pbx.switch import Switch
from simulators.pbx.truth_log import TruthLog
from simulators.pbx.world import World
from simulators.program import CannotSimulate, run_program, say

#: How long the simulated QMS may take to start, in seconds.
QMS_TIMEOUT = 60.0


HELP = (
    "Run a simulated contact centre: a PBX that speaks CSTA XML over TCP. Agents sit at the extensions from 2001 "
    "on, queues are 5000 (Sales), 5001 (Support) and 5002 (Billing), supervisors unknown to QMS are 2900 to 2904. "
    "Calls begin when the first client has started its monitors. About calls-per-second x (ring + talk + wrap-up "
    "seconds) x 4/3 agents are needed; with fewer, calls wait in the queues and callers give up."
)


def run(words: Sequence[str]) -> int:
    """Serve until the end that the words name, SIGTERM or Ctrl-C; return the exit status."""
    return run_program(_parser(), words, _serve_until_stopped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway simulate_pbx", description=HELP, allow_abbrev=False)
    add_address(parser, 8085)
    parser.add_argument("--qms", metavar="URL", help="The simulated QMS, e.g. http://127.0.0.1:8090; none: no tap.")
    help_of_qms = "In place of --qms: the file to which the simulated QMS writes its port; waits until it does."
    parser.add_argument("--qms-port-file", type=Path, metavar="FILE", help=help_of_qms)
    parser.add_argument("--agents", type=int, default=20, help="0: as many as the calls need.")
    parser.add_argument("--calls-per-second", type=float, default=1.0)
    parser.add_argument("--talk-seconds", type=float, default=6.0)
    parser.add_argument("--ring-seconds", type=float, default=1.5)
    parser.add_argument("--wrapup-seconds", type=float, default=3.0)
    parser.add_argument("--patience-seconds", type=float, default=60.0, help="How long callers wait in a queue.")
    parser.add_argument("--seed", type=int, default=1, help="The same seed gives the same day.")
    help_of_people = "Who works and calls, and which references calls have, from this file; see cast.py."
    parser.add_argument("--people", type=Path, metavar="FILE", help=help_of_people)
    parser.add_argument("--speed", type=float, default=1.0, help="How many seconds of the day pass in one.")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="Write what truly happened, as JSON lines.")
    parser.add_argument(
        "--for",
        type=float,
        dest="seconds",
        metavar="SECONDS",
        help="End after about this time: new calls cease in time for the last ones to end.",
    )
    parser.add_argument(
        "--client-seconds", type=float, default=60.0, help="With --for: how long to wait for a client, at most."
    )
    parser.add_argument("--heartbeat-seconds", type=float, default=30.0)
    parser.add_argument(
        "--recorder-splits-transfers",
        action="store_true",
        help="An attended transfer begins a new recording at its destination.",
    )
    parser.add_argument(
        "--mix",
        type=_mix,
        default=dict(MIX),
        metavar="SCENARIO=WEIGHT[,...]",
        help=f"Which scenarios, how often; those left out never. Scenarios: {', '.join(MIX)}.",
    )
    return parser


def _serve_until_stopped(options: dict[str, Any]) -> None:
    try:
        world = day(_plan(options), options["seed"])
    except PlanError as error:
        raise CannotSimulate(str(error)) from error
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(options["ledger"].open("wb")) if options["ledger"] else None
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(world, file, options))


async def _serve(world: World, file: IO[bytes] | None, options: dict[str, Any]) -> None:
    switch = Switch(world, options["heartbeat_seconds"])
    run = SimulatedRun(
        world,
        switch,
        TruthLog(file, options["speed"]),
        tap_line(options["qms"] or _qms_of(options["qms_port_file"])),
        speed=options["speed"],
        seconds=options["seconds"],
        client_seconds=options["client_seconds"],
    )
    server = PbxServer(switch)
    try:
        async with listening(server, options) as address:
            say(f"Simulated PBX listens on {address} (CSTA XML), {world.plan.agents} agents")
            await _until_stopped(run)
    except NoClient as error:
        raise CannotSimulate(str(error)) from error
    finally:
        say(str(run.finish()))


def _qms_of(port_file: Path | None) -> str | None:
    """Return the address of the QMS whose port the file holds. Raises ``CannotSimulate`` where it does not come."""
    if port_file is None:
        return None
    deadline = time.monotonic() + QMS_TIMEOUT
    while not port_file.exists():
        if time.monotonic() > deadline:
            raise CannotSimulate(f"No QMS has written its port to {port_file} within {QMS_TIMEOUT:.0f} s.")
        time.sleep(0.1)
    return f"http://127.0.0.1:{port_file.read_text().strip()}"


async def _until_stopped(run: SimulatedRun) -> None:
    """Let a run go on until it ends by itself or SIGTERM ends it at once."""
    going = asyncio.create_task(run.go())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, going.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await going


def _plan(options: dict[str, Any]) -> Plan:
    rate, ring, talk = options["calls_per_second"], options["ring_seconds"], options["talk_seconds"]
    return Plan(
        agents=options["agents"] or enough_agents(rate, ring, talk, options["wrapup_seconds"]),
        calls_per_second=rate,
        ring_seconds=ring,
        talk_seconds=talk,
        wrapup_seconds=options["wrapup_seconds"],
        patience_seconds=options["patience_seconds"],
        mix=options["mix"],
        splits_transfers=options["recorder_splits_transfers"],
        # Interaction ids are always unique: no two runs share any.
        cast=_cast(options["people"]),
        domain=f"{time.time_ns() // 1_000_000_000:08X}",
    )


def _cast(file: Path | None) -> Cast | None:
    try:
        return read_cast(file) if file else None
    except (OSError, msgspec.DecodeError) as error:
        raise CannotSimulate(f"The file of people cannot be read: {error}") from error


def _mix(text: str) -> dict[str, int]:
    pairs = [one.partition("=") for one in text.split(",")]
    try:
        return {name: int(weight) for name, _, weight in pairs}
    except ValueError as error:
        raise argparse.ArgumentTypeError("SCENARIO=WEIGHT[,...] is wanted, weights whole numbers") from error


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
