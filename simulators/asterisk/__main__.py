"""``python -m simulators.asterisk``: a simulated Asterisk whose phones answer canary calls, until it is stopped."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from simulators.address import add_address, listening
from simulators.asterisk.calls import ANSWERED, Site
from simulators.asterisk.server import AsteriskServer
from simulators.pbx.network_tap import TapEvent, TapLine, tap_line
from simulators.program import run_program, say

HELP = (
    "Run a simulated Asterisk: its phones do nothing until a client has one called (Originate); then it answers, "
    "dials what it is given, and is recorded by the simulated QMS."
)


def run(words: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit status."""
    return run_program(_parser(), words, _serve_until_stopped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.asterisk", description=HELP, allow_abbrev=False)
    add_address(parser, 5038)
    parser.add_argument("--qms", metavar="URL", help="The simulated QMS, e.g. http://127.0.0.1:8090; none: no tap.")
    parser.add_argument("--ring-seconds", type=float, default=0.2, help="How long a phone rings before it answers.")
    parser.add_argument("--denies", action="store_true", help="The clients' user has no right to Originate.")
    help_of_reason = "Why phones are not reached (Reason of OriginateResponse); 4: they answer."
    parser.add_argument("--reason", type=int, default=ANSWERED, help=help_of_reason)
    return parser


def _serve_until_stopped(options: dict[str, Any]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))


async def _serve(options: dict[str, Any]) -> None:
    line = tap_line(options["qms"])
    site = Site(options["reason"], options["ring_seconds"], may_originate=not options["denies"])
    server = AsteriskServer(site, _tapped(line))
    async with listening(server, options) as address:
        say(f"Simulated Asterisk listens on {address} (AMI)")
        await _until_stopped(line)


def _tapped(line: TapLine | None) -> Callable[[str, str], None]:
    def see(extension: str, state: str) -> None:
        if line is not None:
            line.see(TapEvent(extension, state, datetime.now(UTC)))

    return see


async def _until_stopped(line: TapLine | None) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    tapping = asyncio.create_task(line.run()) if line is not None else None
    await stopped.wait()
    if tapping is not None:
        tapping.cancel()
        await asyncio.wait({tapping})


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
