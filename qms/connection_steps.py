"""The test of a connection, step by step, as an engineer would do it: each step with what was found and what to do."""

import itertools
import time
from collections.abc import Callable, Sequence

import msgspec

from qms.adapters import CheckFailed, ConnectionCheck, RecorderAdapter
from qms.connections import new_adapter
from qms.health import CLOCK_TOLERANCE_SECONDS
from qms.models import RecordingService
from qms.port import ListedUser, QmsError, UnreadableUser
from qms.recorder_kinds import recorder_kinds

#: Maximum number of users that a test of the connection reads.
ENOUGH_USERS = 500
_SILENT = (
    "The host takes connections but sends no whole answer: see whether QMS's web services hang, and whether the port is"
    " theirs; where they are only slow, raise the time-out of a call."
)
_SHARED_NAMES = ("Login", "Users", "Flag definitions")


class ConnectionStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the test. ``tried`` is False where an earlier step failed; then nothing is known."""

    name: str
    ok: bool
    took_ms: int = 0
    found: str = ""
    advice: str = ""
    tried: bool = True


StepsCallback = Callable[[list[ConnectionStep]], object]


def step_names(service: RecordingService) -> tuple[str, ...]:
    """Return the steps of a service's test in their order."""
    adapter = recorder_kinds().get(service.kind)
    return (*(adapter.check_names if adapter else ()), *_SHARED_NAMES)


def test_connection(service: RecordingService, report: StepsCallback = list) -> list[ConnectionStep]:  # noqa: PT028  (no test)
    """Try the way to a Recording Service from the network to the flags. Changes nothing there; raises nothing.

    Every step is returned, also those that were not tried because one before failed; ``report`` is called after each
    one that was. Takes at most the service's time-out for each answer, and what a name server takes.
    """
    names = step_names(service)
    try:
        adapter = new_adapter(service)
    except QmsError as error:
        advice = "Set the variable in the gateway's environment and start it again, or correct the settings."
        return _whole([ConnectionStep(name="Settings", ok=False, found=str(error), advice=advice)], names)
    steps: list[ConnectionStep] = []
    for check in (*adapter.checks(), *_shared_checks(adapter)):
        steps.append(_done(check))
        report(steps)
        if not steps[-1].ok:
            break
    adapter.close()
    return _whole(steps, names)


test_connection.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


def _done(check: ConnectionCheck) -> ConnectionStep:
    began = time.monotonic()
    try:
        found, ok, advice = check.look(), True, ""
    except CheckFailed as error:
        found, ok, advice = str(error), False, error.advice or check.advice
    except QmsError as error:
        is_silent = type(error.__cause__).__name__ == "AnswerLost"
        found, ok, advice = str(error), False, _SILENT if is_silent else check.advice
    took_ms = round((time.monotonic() - began) * 1000)
    return ConnectionStep(name=check.name, ok=ok, took_ms=took_ms, found=found, advice=advice)


def _whole(steps: list[ConnectionStep], names: Sequence[str]) -> list[ConnectionStep]:
    done = {step.name for step in steps}
    left = [name for name in names if name not in done]
    return [*steps, *(ConnectionStep(name=name, ok=False, tried=False, found="Not tried.") for name in left)]


def _shared_checks(adapter: RecorderAdapter) -> Sequence[ConnectionCheck]:
    """Return the steps that every kind of recorder has."""
    return (
        ConnectionCheck(
            "Login",
            lambda: _login(adapter),
            "Check user name, password and kind of login, and the user's rights in QMS.",
        ),
        ConnectionCheck("Users", lambda: _users(adapter), "The user needs the right to read users; see QMS's own log."),
        ConnectionCheck(
            "Flag definitions",
            lambda: _flags(adapter),
            "The user needs the right to manage flags; see whether the Data Server runs.",
        ),
    )


def _login(adapter: RecorderAdapter) -> str:
    info = adapter.service_info()
    offset = adapter.clock_offset_seconds or 0.0
    side = "ahead" if offset > 0 else "behind"
    clock = f" Its clock is {abs(offset):g} s {side}." if abs(offset) > CLOCK_TOLERANCE_SECONDS else ""
    return f"{info.recording_service} on {info.data_server} answers, version {info.version}.{clock}"


def _users(adapter: RecorderAdapter) -> str:
    listed: list[ListedUser | UnreadableUser] = list(itertools.islice(adapter.users(), ENOUGH_USERS))
    bad = [one.problem for one in listed if isinstance(one, UnreadableUser)]
    count = len(listed) - len(bad)
    users = "1 user" if count == 1 else f"{count} users"
    found = "No users." if not listed else f"{users}{' or more' if len(listed) == ENOUGH_USERS else ''}."
    return found + (f" Cannot be read: {len(bad)}, the first: {bad[0]}." if bad else "")


def _flags(adapter: RecorderAdapter) -> str:
    names = [definition.name for definition in adapter.flag_definitions()]
    flags = "1 flag" if len(names) == 1 else f"{len(names)} flags"
    return f"{flags}: {', '.join(names)}." if names else "No flags yet; create them on the page Flags."
