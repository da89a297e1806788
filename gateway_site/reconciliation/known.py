"""Read what the gateway knows of a span of time: legs, flag writes, gaps, extensions that are followed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from msgspec.structs import replace

from agents.models import Allocation, QmsUser
from calls.api import receipts_of
from calls.core.outcomes import Outcome
from calls.models import SWITCHED_OFF, Gap, Leg, RecordingSearch
from flags.api import ERASED, names_ever_written, written_names
from flags.models import RETRIABLE, EarlierName, FlagValue, FlagWrite, WriteState
from gateway_site.reconciliation.canary_times import recordings_of_real_canaries
from gateway_site.reconciliation.candidates import ComparedLeg
from gateway_site.reconciliation.compare import GapFacts, Known, WriteFacts
from gateway_site.reconciliation.other_services import candidates_elsewhere, legs_asked_for_at, of_search_at, other_keys
from gateway_site.reconciliation.source_settings import hearing_of
from qms.guids import spellings
from qms.models import RecordingService
from qms.port import FlaggedRecording

#: Maximum number of keys of one query.
AT_ONCE = 500
#: How long before a recording its leg may have been connected, or after it be first seen, beyond the span.
FAR = timedelta(hours=12)
#: Maximum number of such legs.
MAXIMUM_FAR = 50_000
#: Outcomes of legs whose recording was sought and not found.
SOUGHT = (Outcome.NOT_RECORDED, Outcome.WINDOW_MISSED)
#: The reason of a leg that was reported too late.
HEARD_LATE = "heard_late"
_LEG_COLUMNS = (
    "id",
    "source_id",
    "device_id",
    "connected_at",
    "disconnected_at",
    "recording_guid",
    "outcome",
    "reason_code",
)


def known_of(
    service: RecordingService,
    begin: datetime,
    end: datetime,
    recordings: Sequence[FlaggedRecording],
    tolerance: timedelta,
    read_at: datetime,
) -> Known:
    """Return what the gateway knows of the legs connected in [begin, end), and of the recordings listed.

    ``read_at``: when QMS began to be read. What it took since need not be in its list: it counts as being sent.
    """
    guids = [one.recording.guid for one in recordings]
    holders = _holders(guids)
    own = [_leg(row) for row in _legs_of(service, begin, end).values_list(*_LEG_COLUMNS).iterator(AT_ONCE)]
    legs = legs_asked_for_at(service, own)
    strange = {one.recording.extension for one in recordings if one.recording.guid not in holders}
    return Known(
        legs=[
            *_with_receipts(_with_writes(legs)),
            *_far_legs(service, begin, end, sorted(strange)),
            *_recorded_elsewhere(service, begin, end, sorted(strange)),
        ],
        elsewhere=candidates_elsewhere(service, legs, begin, end, tolerance),
        holders=holders,
        writes=_writes(recordings, read_at),
        gaps=_gaps(service, begin, end),
        flag_names=flag_names(),
        ever_names=names_ever_written(),
        followed_extensions=_followed(service),
        tolerance=tolerance,
        sources=hearing_of(service, begin),
    )


def without_canaries(
    service: RecordingService, recordings: Sequence[FlaggedRecording], tolerance: timedelta
) -> list[FlaggedRecording]:
    """Leave out the recordings of canary calls, whatever became of these: they are no calls to be judged."""
    begun = service.canary_calls.all()
    own = {
        guid
        for keys in chunks([one.recording.guid for one in recordings])
        for found in (Leg.objects.filter(is_canary=True), begun)
        for guid in found.filter(recording_guid__in=keys).values_list("recording_guid", flat=True)
    }
    others = [one for one in recordings if one.recording.guid not in own]
    made = recordings_of_real_canaries(service, [one.recording for one in others], tolerance)
    return [one for one in others if one.recording.guid not in made]


def as_held(recordings: Sequence[FlaggedRecording]) -> list[FlaggedRecording]:
    """Return recordings under the GUIDs by which legs hold them: a service may spell one otherwise in its list."""
    guids = [one.recording.guid for one in recordings]
    strange = set(guids) - _held(guids)
    forms = {form: guid for guid in strange for form in spellings(guid) if form != guid}
    held = {forms[form]: form for form in _held(list(forms))}
    return [
        replace(one, recording=replace(one.recording, guid=held.get(one.recording.guid, one.recording.guid)))
        for one in recordings
    ]


def _held(guids: Sequence[str]) -> set[str]:
    """Return which of the GUIDs legs have, in this spelling."""
    return {
        str(guid)
        for keys in chunks(guids)
        for guid in Leg.objects.filter(recording_guid__in=keys).order_by().values_list("recording_guid", flat=True)
    }


def _legs_of(service: RecordingService, begin: datetime, end: datetime) -> QuerySet[Leg]:
    """Return the legs of the span whose recording is, or would be, at the service."""
    return _own(service).filter(connected_at__gte=begin, connected_at__lt=end)


def _own(service: RecordingService) -> QuerySet[Leg]:
    """Return the legs whose recording is at the service, was sought there, or may be there by the sources.

    Of those sought at other services alone ``legs_asked_for_at`` keeps none.
    """
    asked = RecordingSearch.objects.filter(service=service).values("leg_id")
    missed = Q(service=None, outcome__in=SOUGHT, id__in=asked)
    sources = Allocation.objects.filter(service=service).values("source_id")
    may_be_there = Q(service=None, source__in=sources)
    return Leg.objects.filter(Q(service=service) | missed | may_be_there, is_canary=False).order_by()


def _far_legs(
    service: RecordingService, begin: datetime, end: datetime, extensions: Sequence[str]
) -> list[ComparedLeg]:
    """Return the legs at extensions that go on into the span, and those first seen after it: they may be candidates."""
    before = Q(connected_at__gte=begin - FAR, connected_at__lt=begin) & (
        Q(disconnected_at=None) | Q(disconnected_at__gte=begin)
    )
    after = Q(connected_at__gte=end, connected_at__lt=end + FAR, outcome=Outcome.JOINED_LATE)
    found: list[ComparedLeg] = []
    for keys in chunks(extensions):
        rows = _own(service).filter(before | after, device_id__in=keys)
        found += [_leg(row) for row in rows.values_list(*_LEG_COLUMNS)[: MAXIMUM_FAR - len(found)]]
    return legs_asked_for_at(service, found)


def _recorded_elsewhere(
    service: RecordingService, begin: datetime, end: datetime, extensions: Sequence[str]
) -> list[ComparedLeg]:
    """Return the legs at extensions whose recording is at another service, and was sought at this one too.

    Both may record its user: this one may have recorded the same leg.
    """
    rows = Leg.objects.filter(Q(disconnected_at=None) | Q(disconnected_at__gte=begin), is_canary=False)
    rows = rows.filter(connected_at__gte=begin - FAR, connected_at__lt=end, service__in=other_keys(service)).order_by()
    found: list[ComparedLeg] = []
    for keys in chunks(extensions):
        there = rows.filter(device_id__in=keys).exclude(recording_guid=None).values_list(*_LEG_COLUMNS)
        found += [_leg(row) for row in there[: MAXIMUM_FAR - len(found)]]
    return of_search_at(service, found)


def compared_leg(leg: Leg) -> ComparedLeg:
    """Return what the comparison needs of a leg."""
    row = _with_receipts([_leg(tuple(getattr(leg, name) for name in _LEG_COLUMNS))])
    return row[0]


def _leg(row: tuple[Any, ...]) -> ComparedLeg:
    return ComparedLeg(
        leg_id=row[0],
        source_id=row[1],
        extension=row[2],
        connected_at=row[3],
        disconnected_at=row[4],
        guid=row[5] or "",
        outcome=row[6],
        reason_code=row[7],
    )


def _with_writes(legs: list[ComparedLeg]) -> list[ComparedLeg]:
    """Mark the legs without a recording for which flags were queued nevertheless; there should be none."""
    without = [leg.leg_id for leg in legs if not leg.guid]
    written = {
        key
        for keys in chunks(without)
        for key in FlagWrite.objects.filter(leg_id__in=keys).order_by().values_list("leg_id", flat=True)
    }
    return [replace(leg, has_write=True) if leg.leg_id in written else leg for leg in legs]


def _with_receipts(legs: list[ComparedLeg]) -> list[ComparedLeg]:
    """Say of the legs that were reported too late when their events were received."""
    late = [leg.leg_id for leg in legs if leg.reason_code == HEARD_LATE]
    received = {key: at for keys in chunks(late) for key, at in receipts_of(keys).items()}
    return [replace(leg, received_at=received.get(leg.leg_id)) if received else leg for leg in legs]


def _holders(guids: Sequence[str]) -> Mapping[str, ComparedLeg]:
    found = {}
    for keys in chunks(guids):
        for row in Leg.objects.filter(recording_guid__in=keys).order_by().values_list(*_LEG_COLUMNS):
            found[str(row[5])] = _leg(row)
    return found


def _writes(recordings: Sequence[FlaggedRecording], read_at: datetime) -> Mapping[str, WriteFacts]:
    """Return, for each recording, the values that QMS took and those that it did not confirm, with the state."""
    taken: dict[str, dict[str, str | None]] = defaultdict(dict)
    sent: dict[str, dict[str, str | None]] = defaultdict(dict)
    why: dict[str, str] = {}
    ended: dict[str, bool] = {}
    withheld: dict[str, set[str]] = defaultdict(set)
    listed = {one.recording.guid: {flag.name for flag in one.flags} for one in recordings}
    for keys in chunks(list(listed)):
        rows = FlagValue.objects.filter(write__recording_guid__in=keys).order_by()
        for guid, name, value, state, code, settled_at in rows.values_list(
            "recording_guid", "name", "value", "write__state", "write__error_code", "write__settled_at"
        ):
            if state == WriteState.WRITTEN and settled_at and settled_at >= read_at and name not in listed[guid]:
                state = WriteState.SENDING  # noqa: PLW2901  (it was so when the list was read)
            if state == WriteState.SHADOW:  # No write that failed: another gateway writes it.
                withheld[guid].add(name)
                continue
            values = taken if state == WriteState.WRITTEN else sent
            values[guid][name] = None if value == ERASED else value
            if state != WriteState.WRITTEN:
                why[guid] = code or f"write_{state}"
                ended[guid] = ended.get(guid, True) and state in RETRIABLE
    return {
        guid: WriteFacts(
            taken=taken.get(guid, {}),
            not_taken=why.get(guid, ""),
            sent=sent.get(guid, {}),
            can_retry=ended.get(guid, False),
            withheld=frozenset(withheld.get(guid, ())),
        )
        for guid in taken.keys() | sent.keys() | withheld.keys()
    }


def _gaps(service: RecordingService, begin: datetime, end: datetime) -> list[GapFacts]:
    """Return the gaps of the sources whose calls the service records."""
    rows = Gap.objects.filter(Q(ended_at=None) | Q(ended_at__gte=begin), began_at__lt=end)
    own = rows.filter(source__allocations__service=service)
    return [
        GapFacts(
            began_at=gap.began_at,
            ended_at=gap.ended_at,
            devices=None if gap.devices is None else {one: gap.end_at(one) for one in gap.devices},
            source_id=gap.source_id,
            is_off=gap.reason == SWITCHED_OFF,
        )
        for gap in own
    ]


def flag_names() -> frozenset[str]:
    """Return the names of the flags that the gateway writes, and those under which it wrote them before."""
    earlier = EarlierName.objects.exclude(flag=None)
    return written_names() | names_ever_written().intersection(earlier.values_list("name", flat=True))


def _followed(service: RecordingService) -> frozenset[str]:
    """Return the extensions of the service's QMS users: a call of theirs should have been heard of."""
    return frozenset(
        QmsUser.objects.filter(service=service, gone_at=None).exclude(extension="").values_list("extension", flat=True)
    )


def chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the keys in parts of at most ``AT_ONCE``."""
    for first in range(0, len(keys), AT_ONCE):
        yield keys[first : first + AT_ONCE]
