"""The Flags that are written for other calls and not for a canary call: what can be known of them all the same."""

from collections.abc import Collection

from flags.api import written_names
from gateway_site.canary.steps import CanaryStep, StepEnd, failed, passed
from qms.port import QmsError, RecordingServicePort


def looked_for(port: RecordingServicePort, written: Collection[str], text: str) -> StepEnd:
    """Return how the reading back ended where QMS holds what was written, as ``text`` says.

    A test call has no agent and no wrap-up: whether QMS would take these values is not known. Whether it has a Flag of
    that name is asked, for without one it refuses each call that has a value for it.
    """
    unwritten = sorted(written_names().difference(written))
    if not unwritten:
        return passed(CanaryStep.READ_BACK, text)
    try:
        missing = sorted(set(unwritten).difference(one.name for one in port.flag_definitions()))
    except QmsError as error:
        known = f"nor whether QMS has Flags of these names ({error.code})"
        return _not_verified(text, unwritten, known)
    if missing:
        return failed(
            CanaryStep.READ_BACK,
            f"QMS has no Flag {_quoted(missing)}: it refuses every call that has a value for it.",
            "Create it in QMS under exactly this name, or switch it off on the page Flags.",
        )
    return _not_verified(text, unwritten, "but QMS has Flags of these names")


def _not_verified(text: str, names: Collection[str], known: str) -> StepEnd:
    said = f"{text} Not written by a test call, and not verified: {', '.join(names)}; {known}."
    return passed(CanaryStep.READ_BACK, said, tuple(names))


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
