"""The installation's last step: a call that a person makes now, followed until its flags are read back from QMS."""

from collections.abc import Callable
from datetime import datetime

import clock
from calls.models import Leg
from clock.text import time_of_day
from flags.models import FlagValue, WriteState
from gateway_site.installation.steps import InstallationStep, StepState
from qms.api import ConnectService, connect
from qms.port import QmsError

MAKE_IT = "Log an agent on there and call it. Its QMS user must be active and licensed."
READ_ON = "Open the leg's page: it says why and what to do."


def follow(
    extension: str, since: datetime, connect: ConnectService = connect
) -> tuple[list[InstallationStep], Leg | None]:
    """Say how far the first call at the extension since then has come; the flags are read back once they are written.

    No step names a caller or an agent, nor any flag's value.
    """
    legs = Leg.objects.filter(device_id=extension, connected_at__gte=since).select_related("service", "source")
    leg = legs.order_by("connected_at", "id").first()
    if leg is None:
        return [
            InstallationStep("connected", StepState.NOT_YET, f"no call at extension {extension} yet", MAKE_IT)
        ], None
    came = InstallationStep(
        "connected", StepState.PASS, f"at {time_of_day(leg.connected_at)}, from source {leg.source.slug}"
    )
    steps = [came, _recording(leg), _disconnected(leg), _flagged(leg)]
    return [*steps, *([_read_back(leg, connect)] if leg.outcome == "flagged" else [])], leg


def follow_to_its_end(
    extension: str, wait_seconds: float, report: Callable[[InstallationStep], object], pause: Callable[[], object]
) -> list[InstallationStep]:
    """Follow the next call at the extension until nothing more happens to it, or the wait is over.

    Each step is reported when it has changed; the last state of all is returned. ``pause`` is called between polls.
    """
    since = clock.now()
    reported: dict[str, InstallationStep] = {}
    while True:
        steps, leg = follow(extension, since)
        for step in steps:
            if reported.get(step.name) != step:
                report(step)
        reported = {step.name: step for step in steps}
        if is_over(leg) or (clock.now() - since).total_seconds() >= wait_seconds:
            return steps
        pause()


def is_over(leg: Leg | None) -> bool:
    """Say whether nothing more will happen to the call."""
    return leg is not None and leg.phase == "settled"


def _recording(leg: Leg) -> InstallationStep:
    if leg.recording_guid:
        took = "" if leg.guid_ms is None else f", {leg.guid_ms / 1000:.1f} s after Connected"
        return InstallationStep("recording found", StepState.PASS, f"QMS named it{took}")
    if leg.outcome == "waiting":
        return InstallationStep("recording found", StepState.NOT_YET, "QMS is being asked")
    return InstallationStep("recording found", StepState.FAIL, leg.reason or leg.get_outcome_display(), READ_ON)


def _disconnected(leg: Leg) -> InstallationStep:
    if leg.disconnected_at is None:
        return InstallationStep("disconnected", StepState.NOT_YET, "the call goes on", "Hang up.")
    return InstallationStep("disconnected", StepState.PASS, f"at {time_of_day(leg.disconnected_at)}")


def _flagged(leg: Leg) -> InstallationStep:
    if leg.outcome == "flagged":
        took = "" if leg.flags_ms is None else f", {leg.flags_ms / 1000:.1f} s after the call ended"
        return InstallationStep("flags written", StepState.PASS, f"all of them{took}")
    if leg.outcome == "waiting":
        return InstallationStep("flags written", StepState.NOT_YET, "they are written once the call has ended")
    return InstallationStep("flags written", StepState.FAIL, leg.reason or leg.get_outcome_display(), READ_ON)


def _read_back(leg: Leg, connect: ConnectService) -> InstallationStep:
    """Compare what QMS holds with what was written."""
    name = "flags read back"
    if leg.service is None or leg.recording_guid is None:
        return InstallationStep(name, StepState.FAIL, "the leg does not say where its recording is", READ_ON)
    try:
        held = {flag.name: flag.value for flag in connect(leg.service).flags(leg.recording_guid)}
    except QmsError as error:
        return InstallationStep(
            name, StepState.FAIL, f"QMS did not tell them: {type(error).__name__}", "Test the connection."
        )
    values = FlagValue.objects.filter(write__leg_id=leg.pk, write__state=WriteState.WRITTEN)
    written = dict(values.values_list("name", "value"))
    if differing := sorted(flag for flag, value in written.items() if held.get(flag) != value):
        return InstallationStep(name, StepState.FAIL, f"QMS does not hold as written: {', '.join(differing)}", READ_ON)
    return InstallationStep(name, StepState.PASS, f"QMS holds {', '.join(sorted(written))}, each as it was written")
