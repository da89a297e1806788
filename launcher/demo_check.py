"""Compare what the simulated QMS holds with what the gateway believes: each flagged recording has its leg's flags."""

import urllib.request
from collections.abc import Iterator, Mapping

import msgspec

from calls.api import facts_of
from calls.core.outcomes import Outcome
from calls.models import Leg
from flags.api import ERASED
from flags.catalogue.values import FlagSpec, LegFacts, flag_texts
from flags.models import FlagSetting, FlagValue, FlagWrite, WriteState
from launcher.demo_counts import counted


class HeldRecording(msgspec.Struct, frozen=True):
    """A recording as the simulated QMS reports it."""

    guid: str
    extension: str
    flags: dict[str, str] = {}


class QmsState(msgspec.Struct, frozen=True):
    """Of what the simulated QMS reports, the recordings."""

    recordings: list[HeldRecording]


#: Fields that a leg's row holds itself, so that they can be compared without asking what was written.
OF_THE_ROW = frozenset(name for name in LegFacts.__struct_fields__ if hasattr(Leg, name))


def qms_recordings(address: str) -> list[HeldRecording]:
    """Ask the simulated QMS for its recordings. Raises ``OSError`` when it does not answer."""
    with urllib.request.urlopen(f"{address}/state", timeout=10) as answer:  # noqa: S310  (the demo's own address)
        return msgspec.json.decode(answer.read(), type=QmsState).recordings


def held_lines(recordings: list[HeldRecording]) -> list[str]:
    """Say what QMS holds where nothing differs; of shadow mode apart, where this gateway writes nothing."""
    of_shadow = set(Leg.objects.filter(outcome=Outcome.SHADOW).values_list("recording_guid", flat=True))
    carrying = [one for one in recordings if one.flags]
    ours = sum(1 for one in carrying if one.guid not in of_shadow)
    exact = "every flagged recording carries exactly the flags of its leg"
    lines = [f"In QMS {counted(ours, 'recording')} with flags of this gateway: {exact}."]
    if of_shadow:
        lines = lines if ours else []
        others = len(carrying) - ours
        said = f"{counted(others, 'recording')} with flags, which another gateway wrote" if others else "no flags"
        lines.append(f"Of {counted(len(of_shadow), 'leg')} in shadow mode QMS holds {said}.")
    return lines


def differences(recordings: list[HeldRecording]) -> list[str]:
    """Return each way in which QMS and the gateway differ; empty when every flag stands where it belongs."""
    flagged = {one.guid: one for one in recordings if one.flags}
    legs = {leg.recording_guid: leg for leg in Leg.objects.exclude(recording_guid=None)}
    written = _written()
    found = [f"recording {guid} carries flags of no leg" for guid in flagged.keys() - legs.keys()]
    for guid, leg in legs.items():
        if leg.outcome == "flagged" and guid not in flagged:
            found.append(f"leg {leg.pk} is flagged, its recording {guid} is not")
    for guid in flagged.keys() & legs.keys():
        if legs[guid].outcome != Outcome.SHADOW:
            found += _of_one(legs[guid], flagged[guid], written.get(guid, {}))
    return [*found, *_written_in_shadow_mode(legs, written)]


def _written_in_shadow_mode(legs: Mapping[str | None, Leg], written: Mapping[str, object]) -> Iterator[str]:
    """Name the legs whose flags were written though they are withheld; not those whose wrap-up alone was."""
    withheld = FlagWrite.objects.filter(state=WriteState.SHADOW, part="wrapup").values_list("recording_guid", flat=True)
    for guid in written.keys() - set(withheld):
        if guid in legs and legs[guid].outcome == Outcome.SHADOW:
            yield f"leg {legs[guid].pk} is in shadow mode, and the gateway wrote flags to its recording {guid}"


def _written() -> dict[str, dict[str, str]]:
    """Return what the gateway knows to have written, by recording."""
    by_guid: dict[str, dict[str, str]] = {}
    for value in FlagValue.objects.filter(write__state=WriteState.WRITTEN):
        by_guid.setdefault(value.recording_guid, {})[value.name] = value.value
    return by_guid


def _of_one(leg: Leg, held: HeldRecording, written: dict[str, str]) -> list[str]:
    found = []
    if held.extension != leg.device_id:
        found.append(f"recording {held.guid} is of {held.extension}, its leg of {leg.device_id}")
    if ERASED in written.values():
        return found  # QMS keeps what a caller's erasure took from the gateway.
    if held.flags != written:
        found.append(f"recording {held.guid}: QMS and the gateway's own record of what it wrote differ")
    if leg.is_canary:
        return found  # Queue and caller of its flags say that it is a test.
    specs = _specs()
    if not written.keys() & {spec.name for spec in specs}:
        return found  # QMS took the wrap-up alone, as after it refused the other flags.
    due = {text.name: text.value for text in flag_texts(specs, _facts(leg), "base")}
    if {name: held.flags[name] for spec in specs if (name := spec.name) in held.flags} != due:
        found.append(f"recording {held.guid}: its flags are not those of leg {leg.pk}")
    return found


def _specs() -> list[FlagSpec]:
    kept = FlagSetting.objects.filter(enabled=True, privacy="keep", field__in=OF_THE_ROW)
    return [FlagSpec(name=one.name, field=one.field, max_length=one.max_length) for one in kept]


def _facts(leg: Leg) -> LegFacts:
    """Return what was to be written: the row names a call's reference that was left out because it was in doubt."""
    return facts_of(leg) or LegFacts(**{name: getattr(leg, name) for name in OF_THE_ROW})
