"""Look how far a canary call has come: each check returns how its step ended, or None where it has not ended yet."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from agents.api import load_directory
from agents.core.matching import MatchKind
from agents.models import QmsUser
from calls.core.flag_facts import CANARY_NAME
from calls.models import Leg
from cti.models import CanaryWay, CtiSource
from flags.api import expected_values
from flags.catalogue.values import LegFacts
from flags.models import UNSETTLED, FlagValue, FlagWrite, WriteState
from gateway_site.canary.interruptions import were_flags_saved
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.steps import NO_RECORDING, TIMEOUTS, CanaryStep, StepEnd, failed, passed, unverified
from gateway_site.canary.unwritten import looked_for
from qms.api import ConnectService
from qms.guids import guid_key
from qms.models import RecordingService
from qms.port import QmsError

#: The source's clock may be behind ours by so much: a real call's leg is looked for from then on.
CLOCK_TOLERANCE = timedelta(seconds=5)
#: An open leg that is older than this was left behind by a lost link: a call at a test phone is shorter.
LONG = timedelta(hours=12)
READ_ON = "Open the leg's page: it says why and what to do."


def match(call: CanaryCall) -> StepEnd:
    """Say whose recording is made at the test extension, and note the Recording Service."""
    call.source = source = CtiSource.objects.get(pk=call.source_id)  # As it is now: it may have been disabled.
    if not source.enabled:
        return failed(CanaryStep.MATCH, f"Source {source.slug} is disabled.", "Enable it, or end its canary calls.")
    verdict = load_directory(call.source_id).verdict(call.extension)
    if verdict.kind is not MatchKind.MATCHED or not verdict.services:
        return failed(CanaryStep.MATCH, verdict.reason, _for_a_match(call, verdict.kind))
    call.service = RecordingService.objects.get(pk=verdict.services[0])
    return passed(CanaryStep.MATCH, f"{verdict.reason} Recording Service {call.service.slug} is asked.")


def _for_a_match(call: CanaryCall, kind: MatchKind) -> str:
    """Say what to do where nobody's recording is made: QMS may have the user, at a service that is not asked."""
    if kind is MatchKind.UNMATCHED and QmsUser.objects.filter(extension=call.extension).exists():
        return f"Enable the user's Recording Service and allocate it to {call.source.slug}, or end its canary calls."
    return "Give QMS one active and licensed user with the test extension, and refresh the QMS users."


def leg(call: CanaryCall) -> StepEnd | None:
    """Find the leg that the call became."""
    found = _legs(call).order_by("-id").first()
    if found is None:
        return None
    call.leg_id, call.call_id = found.pk, found.call_id
    if not found.is_canary:  # The settings changed meanwhile: it would be counted, and must not be followed.
        return failed(CanaryStep.LEG, "The leg was not known as a canary's.", "Wait for the next canary call.")
    took = (found.folded_at - (call.made_at or call.began_at)).total_seconds()
    return passed(CanaryStep.LEG, f"The events became a leg within {max(took, 0):.1f} s.")


def is_phone_busy(call: CanaryCall) -> bool:
    """Say whether another call than the real one that was made is, or was meanwhile, at the test extension."""
    if call.way != CanaryWay.ORIGINATE or call.made_at is None:
        return False
    others = Leg.objects.filter(source_id=call.source_id, device_id=call.extension, is_canary=False)
    since = call.made_at
    is_open = Q(disconnected_at=None, connected_at__gte=since - LONG)
    return others.exclude(call_id=call.call_id).filter(is_open | Q(disconnected_at__gt=since)).exists()


def recording(call: CanaryCall) -> StepEnd | None:
    """Say whether QMS named the recording that the call made, or rightly none."""
    row = _leg(call)
    if row is None:
        return failed(CanaryStep.RECORDING, "The leg is gone.", READ_ON)
    if row.recording_guid:
        return _named(call, row)
    if row.outcome == "waiting":
        return None
    is_right = call.way == CanaryWay.EVENTS and not call.recording_guid
    if is_right and (row.outcome, row.reason_code) == ("not_recorded", "none"):
        return passed(CanaryStep.RECORDING, "QMS answered that there is none: right, for no phone rang.")
    return failed(CanaryStep.RECORDING, row.reason or row.get_outcome_display(), READ_ON)


def _named(call: CanaryCall, row: Leg) -> StepEnd:
    guid = row.recording_guid or ""
    if call.recording_guid and guid_key(call.recording_guid) != guid_key(guid):
        todo = "See who else uses the test extension: it belongs to the canary alone."
        return failed(CanaryStep.RECORDING, "QMS named another recording than the call made.", todo)
    call.recording_guid = guid
    took = "" if row.guid_ms is None else f" {row.guid_ms / 1000:.1f} s after Connected"
    return passed(CanaryStep.RECORDING, f"QMS named it{took}.")


def end(call: CanaryCall) -> StepEnd | None:
    """Say whether the leg is over."""
    row = _leg(call)
    if row is None or row.disconnected_at is None:
        return None
    if row.end_unknown:
        return failed(CanaryStep.END, "The link was lost during the call: its end is unknown.")
    return passed(CanaryStep.END, "The leg is over.")


def flags(call: CanaryCall) -> StepEnd | None:
    """Say whether the flags were written."""
    if not call.recording_guid:
        return unverified(CanaryStep.FLAGS, NO_RECORDING)
    write = FlagWrite.objects.filter(leg_id=call.leg_id or 0, part="base").first()
    if write is None:
        row = _leg(call)
        is_over = row is None or row.phase == "settled"
        return failed(CanaryStep.FLAGS, row.reason if row else "The leg is gone.", READ_ON) if is_over else None
    if write.state in UNSETTLED:
        return None
    if write.state == WriteState.SHADOW:
        return unverified(CanaryStep.FLAGS, "The Recording Service is in shadow mode: another gateway writes.")
    if write.state != WriteState.WRITTEN:
        return failed(CanaryStep.FLAGS, write.error or write.get_state_display(), READ_ON)
    return passed(CanaryStep.FLAGS, f"QMS took them {_seconds(write.created_at, write.settled_at)} s after the call.")


def read_back(call: CanaryCall, connect: ConnectService) -> StepEnd | None:
    """Compare what QMS holds with what the canary call must have been flagged with."""
    step = CanaryStep.READ_BACK
    values = FlagValue.objects.filter(
        write__leg_id=call.leg_id or 0, write__state=WriteState.WRITTEN, write__part="base"
    )
    written = dict(values.values_list("name", "value"))
    if not call.recording_guid:
        return unverified(step, NO_RECORDING)
    if call.service is None:
        return failed(step, "The Recording Service was deleted.", "Choose another test extension.")
    call.service.timeout_seconds = min(call.service.timeout_seconds, TIMEOUTS[step])  # Of this look; not saved.
    port = connect(call.service)
    try:
        held = {one.name: one.value for one in port.flags(call.recording_guid)}
    except QmsError as error:
        return failed(step, f"QMS did not return them: {error.code}.")
    if not written:
        return unverified(step, _of_others(held))
    if wrong := _differing(written, held):
        todo = "Compare on the leg's page what was written with what QMS shows for the recording."
        return failed(step, f"QMS holds other values than it was given: {wrong}.", todo)
    if wrong := _differing(_expected(call, written), written):
        return failed(step, f"The gateway wrote other values than a test call has: {wrong}.", READ_ON)
    return looked_for(port, written, f"QMS holds {', '.join(sorted(written))}, each as it was written.")


#: The checks that need nothing but the database.
CHECKS: Mapping[CanaryStep, Callable[[CanaryCall], StepEnd | None]] = {
    CanaryStep.MATCH: match,
    CanaryStep.LEG: leg,
    CanaryStep.RECORDING: recording,
    CanaryStep.END: end,
    CanaryStep.FLAGS: flags,
}


def _of_others(held: Collection[str]) -> str:
    """Say what QMS holds where nothing was written: it can be asked, and there is nothing to compare."""
    said = f"it returned {', '.join(sorted(held))}, which another gateway wrote" if held else "it returned no flags"
    return f"Nothing was written (shadow mode). QMS was asked, and {said}."


def _differing(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    return ", ".join(sorted(name for name, value in wanted.items() if found.get(name) != value))


def _expected(call: CanaryCall, written: Mapping[str, str]) -> dict[str, str]:
    """Return what the written flags of a canary call say, by the settings; nothing where these were just saved."""
    if were_flags_saved(call):
        return {}
    facts = LegFacts(call_id=call.call_id, device_id=call.extension, queue_name=CANARY_NAME, caller_name=CANARY_NAME)
    return {name: value for name, value in expected_values(facts, "base").items() if name in written}


def _legs(call: CanaryCall) -> QuerySet[Leg]:
    at_extension = Leg.objects.filter(source_id=call.source_id, device_id=call.extension, call_id=call.call_id)
    # A PBX uses its ids again, maybe at once: another canary call's leg is not this one's.
    others = CanaryCall.objects.filter(source=call.source_id, leg_id__isnull=False).exclude(pk=call.pk)
    since = (call.made_at or call.began_at) - CLOCK_TOLERANCE
    return at_extension.filter(connected_at__gte=since).exclude(pk__in=others.values("leg_id"))


def _leg(call: CanaryCall) -> Leg | None:
    return Leg.objects.filter(pk=call.leg_id or 0).first()


def _seconds(begin: datetime, end: datetime | None) -> str:
    return f"{(end - begin).total_seconds():.1f}" if end else "?"
