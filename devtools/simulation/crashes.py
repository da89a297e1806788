"""Crashes between any two statements: once a process is dead, nothing of it reaches the database or QMS any more."""

from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The process is dead. No `except Exception` of the gateway may catch it."""


class Crashes:
    """Count the steps of a process, statements and requests, and let it die at a chosen one."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.is_dead = False
        self.steps = 0

    def arm(self, steps: int) -> None:
        """Let the process that works die after this many more steps."""
        self.left = steps

    def revive(self) -> None:
        """Start a new process."""
        self.left, self.is_dead = None, False

    def step(self) -> None:
        """Note a step. Raises `Crash` where it is the chosen one, and at each step of a dead process."""
        self.steps += 1
        if self.left is not None:
            self.left -= 1
            self.is_dead = self.is_dead or self.left < 0
        if self.is_dead:
            raise Crash

    def around_statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Wrap a statement (Django's execute wrapper): a crash comes before it or after it."""
        self.step()
        return execute(sql, params, many, context)
