"""Test the installation step by step."""

import sys
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from gateway_site.installation import State, Step, steps

MARKS = {State.PASS: "pass   ", State.FAIL: "FAIL   ", State.NOT_YET: "not yet"}


class Command(BaseCommand):
    """Go through the installation and say for each step: pass, fail or not yet, why, and what to do."""

    help = "Test the installation. The exit status is 0 only if every step passes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the steps as JSON")

    def handle(self, *, json: bool, **_: Any) -> None:
        taken: list[Step] = []
        for step in steps():
            taken.append(step)
            if not json:
                self._tell(step)
        if json:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(taken)).decode())
        if any(step.state is not State.PASS for step in taken):
            sys.exit(1)

    def _tell(self, step: Step) -> None:
        self.stdout.write(f"{MARKS[step.state]}  {step.name}: {step.seen}")
        if step.todo:
            self.stdout.write(f"         -> {step.todo}")
