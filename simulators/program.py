"""A simulator as a program of its own: options, one line for each trouble, a clean end. It needs no Django."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import structlog


class CannotSimulate(Exception):
    """The options, the port or the other side make a run impossible; the message says why."""


def run_program(parser: argparse.ArgumentParser, words: Sequence[str], serve: Callable[[dict[str, Any]], None]) -> int:
    """Serve with the options in the words; return the exit status: 1 where it could not be, with the reason printed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        serve(vars(parser.parse_args(words)))
    except CannotSimulate as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


def say(words: str) -> None:
    """Print a line at once: who started the program may be waiting for it."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
