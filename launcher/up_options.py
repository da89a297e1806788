"""What the person asked of ``./gateway up``; read before Django and its settings."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class UpOptions:
    """``port`` None: that of ``BIND``. ``log_to_terminal``: the programs write there instead of to files."""

    port: int | None
    log_to_terminal: bool


def options(words: list[str]) -> UpOptions:
    """Parse the words after ``./gateway up``; leaves with status 2 where they cannot be understood."""
    parser = argparse.ArgumentParser(
        prog="./gateway up", description="Run the gateway with the settings of .env until Ctrl-C.", allow_abbrev=False
    )
    parser.add_argument("--port", type=port, metavar="PORT", help="of the web, instead of the one in BIND")
    to_terminal = "write the programs' logs here instead of to the folder logs of GATEWAY_VAR"
    parser.add_argument("--log-to-terminal", action="store_true", help=to_terminal)
    found = parser.parse_args(words)
    return UpOptions(found.port, found.log_to_terminal)


def prepare(words: list[str]) -> None:
    """Refuse words that cannot be understood before anything is started."""
    options(words)


def port(word: str) -> int:
    """Return a TCP port; an ``argparse`` type."""
    if not word.isdigit() or not 1 <= int(word) <= 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is no port: give a number from 1 to 65535")
    return int(word)
