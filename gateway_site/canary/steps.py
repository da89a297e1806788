"""The steps of a canary call: how long each may take, and what is to be done where it does not come. Pure."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class CanaryStep(StrEnum):
    """What a canary call goes through, in this order."""

    MATCH = "match"
    CALL = "call"
    LEG = "leg"
    RECORDING = "recording"
    END = "end"
    FLAGS = "flags"
    READ_BACK = "read_back"


class CanaryVerdict(StrEnum):
    """How a step ended.

    ``UNVERIFIED``: nothing is wrong, but this way of calling cannot show that the part works. ``INTERRUPTED``: it
    failed as settings were saved, which shows nothing; another call is made soon.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    INTERRUPTED = "interrupted"


class StepEnd(msgspec.Struct, frozen=True):
    """How a step ended, in a sentence, with what to do where it failed. ``seconds``: how long it took.

    ``unverified_flags``: the Flags of which a step that passed shows nothing.
    """

    step: CanaryStep
    verdict: CanaryVerdict
    text: str
    todo: str = ""
    seconds: float = 0.0
    unverified_flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the step's name in words."""
        return NAMES[self.step]

    @property
    def where(self) -> str:
        """Say at which step, and how it ended: the name alone ("Recording found") would read as what happened."""
        return f"At the step “{self.name}”: {self.text}"

    @property
    def word(self) -> str:
        """Return the verdict in words."""
        return WORDS[self.verdict]


NAMES = {
    CanaryStep.MATCH: "QMS user",
    CanaryStep.CALL: "Call made",
    CanaryStep.LEG: "Leg seen",
    CanaryStep.RECORDING: "Recording found",
    CanaryStep.END: "Call ended",
    CanaryStep.FLAGS: "Flags written",
    CanaryStep.READ_BACK: "Flags read back",
}
WORDS = {
    CanaryVerdict.PASSED: "passed",
    CanaryVerdict.FAILED: "FAILED",
    CanaryVerdict.UNVERIFIED: "not verified",
    CanaryVerdict.INTERRUPTED: "interrupted",
}
#: Maximum duration of each step, in seconds; the search has the window of its Recording Service besides.
TIMEOUTS = {
    CanaryStep.MATCH: 30.0,
    CanaryStep.CALL: 30.0,
    CanaryStep.LEG: 25.0,
    CanaryStep.RECORDING: 15.0,
    CanaryStep.END: 15.0,
    CanaryStep.FLAGS: 30.0,
    CanaryStep.READ_BACK: 15.0,
}
#: Maximum duration of a whole canary call, in seconds.
MAXIMUM_SECONDS = 110.0
#: What to do where a step does not come in time.
LATE = {
    CanaryStep.MATCH: "See that the worker of the queue default runs.",
    CanaryStep.CALL: "See that the worker of the queue default runs.",
    CanaryStep.LEG: "See on the dashboard that the source's listener is connected and the worker of the queue events "
    "runs; for a real call, that the test phone answers by itself and its extension is monitored.",
    CanaryStep.RECORDING: "See that the worker of the queue lookups runs and the Recording Service answers.",
    CanaryStep.END: "See that the worker of the queue events runs, and for a real call that the PBX reported its end.",
    CanaryStep.FLAGS: "See that the worker of the queue writes runs and the Recording Service takes flags.",
    CanaryStep.READ_BACK: "Test the connection to the Recording Service.",
}
#: What cannot be known of a recording where the call made none.
NO_RECORDING = "This way of calling makes no recording: it is not known whether flags can be written and read."


def passed(step: CanaryStep, text: str, unverified_flags: tuple[str, ...] = ()) -> StepEnd:
    """Return that a step was seen to work."""
    return StepEnd(step, CanaryVerdict.PASSED, text, unverified_flags=unverified_flags)


def not_verified(ends: Sequence[StepEnd]) -> str:
    """Name the steps, or the Flags, of which a call showed nothing; empty where there are none."""
    names = [one.name for one in ends if one.verdict is CanaryVerdict.UNVERIFIED]
    flags = [flag for one in ends for flag in one.unverified_flags]
    return ", ".join([*names, f"the Flags {', '.join(flags)}"] if flags else names)


def failed(step: CanaryStep, text: str, todo: str = "") -> StepEnd:
    """Return that a step failed, and what is to be done."""
    return StepEnd(step, CanaryVerdict.FAILED, text, todo or LATE[step])


def unverified(step: CanaryStep, text: str) -> StepEnd:
    """Return that a step could not be looked at."""
    return StepEnd(step, CanaryVerdict.UNVERIFIED, text)


def interrupted(step: CanaryStep, text: str) -> StepEnd:
    """Return that a step failed as settings were saved."""
    return StepEnd(step, CanaryVerdict.INTERRUPTED, text, "Nothing: another canary call begins within half a minute.")
