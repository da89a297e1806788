"""What a person needs to decide about a recording: its times beside each leg's, and the flags that would be written."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.urls import reverse

from agents.models import QmsUser
from calls.api import facts_of
from calls.models import Leg
from flags.api import ERASED, ShownValue, facts_values, shown_values
from flags.models import RETRIABLE, FlagValue, FlagWrite
from gateway_site.reconciliation.compare import NOT_FOLLOWED, WITHOUT_LEG, FindingKind, Grade
from gateway_site.reconciliation.hearing import UNHEARD
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.other_services import beside_at_others, services_of_leg
from qms.models import RecordingService
from qms.port import UnknownFlag


class LegBeside(msgspec.Struct, frozen=True):
    """A leg, how far its begin and end lie from the recording's, and whether it has a recording."""

    leg: Leg
    begins: str
    ends: str
    recording: str


class NextLink(msgspec.Struct, frozen=True):
    """Where what is to be done next is done."""

    label: str
    address: str


def leg_beside(leg: Leg, finding: ReconciliationFinding) -> LegBeside:
    """Set a leg beside the recording; nothing is compared where there is no recording."""
    is_of_recording = bool(finding.recording_guid) and FindingKind(finding.kind) is not FindingKind.NOT_LISTED
    begins = apart(leg.connected_at, finding.began_at, "it began") if is_of_recording else ""
    ends = apart(leg.disconnected_at, finding.ended_at, "it ended") if is_of_recording else ""
    return LegBeside(leg, begins, ends, _recording_of(leg, finding))


def apart(moment: datetime | None, other: datetime | None, what: str) -> str:
    """Say how long before or after the recording began or ended a leg did; nothing where one is not known."""
    if moment is None or other is None:
        return ""
    seconds = (moment - other).total_seconds()
    if abs(seconds) < 0.05:  # It is shown in tenths.
        return f"as {what}"
    return f"{abs(seconds):,.1f} s {'after' if seconds > 0 else 'before'} {what}"


def _recording_of(leg: Leg, finding: ReconciliationFinding) -> str:
    if not leg.recording_guid:
        return "none"
    return "this one" if leg.recording_guid == finding.recording_guid else f"has another: {leg.recording_guid}"


def values_to_write(finding: ReconciliationFinding, leg: Leg | None, *, may_see_callers: bool) -> list[ShownValue]:
    """Return the flags that a repair writes, as far as this person may see them: by today's settings, or as sent."""
    if finding.candidates:
        facts = facts_of(leg) if leg else None
        return facts_values(facts, may_see_callers=may_see_callers) if facts else []
    writes = FlagWrite.objects.filter(recording_guid=finding.recording_guid, state__in=RETRIABLE)
    return [
        value
        for one in writes.prefetch_related("values").order_by("part")
        for value in shown_values(one, may_see_callers=may_see_callers)
    ]


def lacking_flags(finding: ReconciliationFinding) -> Sequence[str]:
    """Return the flags that QMS refused for want of a Flag: that which it named, else all that were sent with it."""
    refused = FlagValue.objects.filter(
        write__recording_guid=finding.recording_guid, write__state__in=RETRIABLE, write__error_code=UnknownFlag.code
    )
    sent = set(refused.values_list("name", "write__error"))
    named = {name for name, error in sent if f"({name})" in error}
    return sorted(named or {name for name, _ in sent})


def since_then(finding: ReconciliationFinding) -> str:
    """Say where QMS's users of today would have it judged otherwise than it was found."""
    users = QmsUser.objects.filter(service_id=finding.service_id, extension=finding.extension, gone_at=None)
    if finding.cause == NOT_FOLLOWED and users.exists():
        return "A QMS user has this extension by now. What was true when it was first compared counts."
    if finding.cause in WITHOUT_LEG and not users.exists():
        return "No QMS user has this extension any more. What was true when it was first compared counts."
    return ""


def other_services(finding: ReconciliationFinding) -> str:
    """Say which other Recording Services may have the leg's recording, or have one that may be."""
    if len(finding.candidates) != 1 or finding.repaired_at is not None:
        return ""
    if others := sorted({str(one.service) for one in beside_at_others(finding)}):
        has = "has" if len(others) == 1 else "have"
        return f"{_listed(others)} {has} a recording that may be this leg's as well: no repair is offered."
    if not finding.is_repairable:
        return ""
    asked = RecordingService.objects.filter(pk__in=services_of_leg(finding.candidates[0]) - {finding.service_id})
    names = sorted(map(str, asked))
    if not names:
        return ""
    return (
        f"The leg's recording was sought at {_listed(names)} too. Before anything is written QMS is asked there, and"
        " nothing is written where it has a recording that may be this leg's."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def values_erased(finding: ReconciliationFinding) -> str:
    """Say that what the gateway wrote to the recording is not known any more, where its caller was erased."""
    written = FlagValue.objects.filter(write__recording_guid=finding.recording_guid, value=ERASED)
    if not finding.recording_guid or not written.exists():
        return ""
    said = "The caller was erased: the gateway no longer knows which values it wrote to this recording."
    if finding.kind == FindingKind.DIFFERENT and finding.grade == Grade.CRITICAL:
        return (
            f"{said} The finding stands as it was found, while QMS holds the same of these flags; what becomes"
            " different afterwards is not known."
        )
    return said


def next_links(finding: ReconciliationFinding) -> list[NextLink]:
    """Return the pages that the advice of a finding names."""
    source = f"?source__id__exact={finding.source_id}" if finding.source_id else ""
    links = {
        "gap": NextLink("See the gaps", reverse("admin:calls_gap_changelist") + source),
        "extension_gap": NextLink("See the gaps", reverse("admin:calls_gap_changelist") + source),
        "source_off": NextLink("See the CTI sources", reverse("admin:cti_ctisource_changelist")),
        "no_event": NextLink("See the CTI sources", reverse("admin:cti_ctisource_changelist")),
        **dict.fromkeys(UNHEARD, NextLink("See the CTI sources", reverse("admin:cti_ctisource_changelist"))),
        NOT_FOLLOWED: NextLink("See the QMS users", reverse("admin:agents_qmsuser_changelist")),
        UnknownFlag.code: NextLink("See the Flags and their names", reverse("admin:flags_flagsetting_changelist")),
    }
    if finding.cause in (*UNHEARD, "source_off") and finding.source_id:
        page = reverse("admin:cti_ctisource_change", args=[finding.source_id])
        links[finding.cause] = NextLink("See the settings of the CTI source", page)
    found = [links[finding.cause]] if finding.cause in links else []
    sent = FlagWrite.objects.filter(recording_guid=finding.recording_guid).exclude(recording_guid="").order_by("part")
    return found + [
        NextLink(f"See the flag write ({one.part})", reverse("admin:flags_flagwrite_change", args=[one.pk]))
        for one in sent[:2]
    ]
