"""A site with differences planted by the thousand: what QMS lists, what the gateway has, and what must be found."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from agents.models import Allocation, QmsUser
from calls.models import Gap, Leg, RecordingSearch, SearchState
from calls.storage.codec import leg_key
from cti.models import CtiSource
from flags.models import FlagSetting, FlagValue, FlagWrite, WriteState
from qms.models import DataServer, RecordingService
from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    ListedUser,
    QmsUnavailable,
    Recording,
    RecordingNotFound,
    ServiceInfo,
    UnreadableRecording,
)

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
#: One call of an extension begins this long after the one before it.
APART = timedelta(seconds=40)
#: One call of this many has a difference, each kind in turn.
EVERY = 4
#: Rows that are saved at once.
AT_ONCE = 500
KINDS = (
    "lost in QMS",
    "value changed",
    "another's flags",
    "search missed",
    "two legs for one",
    "leg without recording",
    "recording deleted",
    "write refused",
    "in a gap",
)


def _begin(one: FlaggedRecording) -> datetime:
    return one.recording.started_at


class ListedQms:
    """A Recording Service that only lists: recordings in the order of their begin. ``away``: spans that fail."""

    def __init__(self, recordings: Sequence[FlaggedRecording]) -> None:
        self.recordings_by_begin = sorted(recordings, key=_begin)
        self.by_guid = {one.recording.guid: one for one in recordings}
        self.failures: list[Exception] = []
        self.unreadable = ""

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording | UnreadableRecording]:
        if self.failures:
            raise self.failures.pop(0)
        if self.unreadable:
            yield UnreadableRecording(self.unreadable)
        first, last = (bisect_left(self.recordings_by_begin, at, key=_begin) for at in (begin, end))
        yield from self.recordings_by_begin[first:last]

    def flags(self, guid: str) -> list[Flag]:
        if guid not in self.by_guid:
            raise RecordingNotFound("There is no such recording.")
        return list(self.by_guid[guid].flags)

    def service_info(self) -> ServiceInfo:
        raise QmsUnavailable("It only lists.")

    def users(self) -> Iterator[ListedUser]:
        raise QmsUnavailable("It only lists.")

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        raise QmsUnavailable("It only lists.")

    def flag_definitions(self) -> list[FlagDefinition]:
        raise QmsUnavailable("It only lists.")

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        raise QmsUnavailable("It only lists.")

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        raise QmsUnavailable("It only lists.")


class PlantedSite:
    """Rows and recordings of ``calls`` calls, and the differences among them by kind and cause.

    ``extensions``: how many have a call at a time; ``every``: one call of this many has a difference.
    """

    def __init__(self, calls: int, extensions: int = 4, every: int = EVERY) -> None:
        self.extensions, self.every = extensions, every
        self.source = CtiSource.objects.create(slug="planted", kind="http")
        server = DataServer.objects.create(slug="planted-ds")
        self.service = RecordingService.objects.create(slug="planted-rs", data_server=server, url="http://localhost")
        Allocation.objects.create(source=self.source, service=self.service)
        FlagSetting.objects.get_or_create(name="AgentId", defaults={"field": "agent_id"})
        self.listed: list[FlaggedRecording] = []
        self.expected: Counter[tuple[str, str]] = Counter()
        self.legs: list[Leg] = []
        self.searches: list[RecordingSearch] = []
        self.writes: list[FlagWrite] = []
        self.values: list[FlagValue] = []
        self._save_users()
        for number in range(calls):
            self._call(number)
            if len(self.legs) >= AT_ONCE:
                self._save()
        self._save()
        self.end = BEGIN + (calls // extensions + 1) * APART

    def qms(self) -> ListedQms:
        """Return the recorder as it stands."""
        return ListedQms(self.listed)

    def _call(self, number: int) -> None:
        began, extension = BEGIN + (number // self.extensions) * APART, f"{2001 + number % self.extensions}"
        kind = KINDS[(number // self.every) % len(KINDS)] if number % self.every == 0 else ""
        guid, flag = f"guid-{number}", Flag("AgentId", f"A{number % 50}")
        if not kind:
            self._flagged(number, extension, began, guid, flag, [flag])
        elif kind in ("lost in QMS", "value changed", "recording deleted", "write refused"):
            self._plant_at_flagged(kind, number, extension, began, guid, flag)
        else:
            self._plant_at_unflagged(kind, number, extension, began, guid, flag)

    def _plant_at_flagged(self, kind: str, number: int, extension: str, began: datetime, guid: str, flag: Flag) -> None:
        match kind:
            case "lost in QMS":
                self._flagged(number, extension, began, guid, flag, [])
                self._expect("recorded_without_flags", "lost_in_qms")
            case "value changed":
                self._flagged(number, extension, began, guid, flag, [Flag("AgentId", "other")])
                self._expect("different_values", "written_by_another")
            case "recording deleted":
                self._flagged(number, extension, began, guid, flag, None)
                self._expect("recording_not_in_qms", "not_in_qms")
            case "write refused":
                self._flagged(number, extension, began, guid, flag, [], WriteState.REFUSED)
                self._expect("recorded_without_flags", "UnknownFlag")

    def _plant_at_unflagged(
        self, kind: str, number: int, extension: str, began: datetime, guid: str, flag: Flag
    ) -> None:
        match kind:
            case "another's flags":
                self._list(guid, extension, began, [flag])
                self._expect("flagged_without_leg", "written_by_another")
            case "search missed":
                self._list(guid, extension, began + timedelta(seconds=1), [])
                self._leg(number, extension, began, None, "unreachable")
                self._expect("recorded_without_flags", "unreachable")
            case "two legs for one":
                self._list(guid, extension, began + timedelta(seconds=2), [])
                self._leg(number, extension, began, None, "unreachable")
                self._leg(5_000_000 + number, extension, began + timedelta(seconds=3), None, "late")
                self._expect("recorded_without_flags", "several_candidates")
            case "leg without recording":
                self._leg(number, extension, began, None, "none")
                self._expect("leg_without_recording", "none")
            case "in a gap":
                self._list(guid, f"{2001 + self.extensions}", began, [])
                Gap.objects.create(source=self.source, began_at=began, ended_at=began + APART / 2, reason="link")
                self._expect("recorded_without_flags", "gap")

    def _expect(self, kind: str, cause: str) -> None:
        self.expected[kind, cause] += 1

    def _list(self, guid: str, extension: str, began: datetime, flags: list[Flag]) -> None:
        recording = Recording(guid, extension, began, began + APART / 2)
        self.listed.append(FlaggedRecording(recording, tuple(flags)))

    def _flagged(
        self,
        number: int,
        extension: str,
        began: datetime,
        guid: str,
        ours: Flag,
        in_qms: list[Flag] | None,
        state: WriteState = WriteState.WRITTEN,
    ) -> None:
        if in_qms is not None:
            self._list(guid, extension, began + timedelta(milliseconds=200), in_qms)
        self._leg(number, extension, began, guid, "")
        write = FlagWrite(
            id=number + 1,
            leg_id=leg_key(self.source.pk, number),
            source_id=self.source.pk,
            service=self.service,
            recording_guid=guid,
            part="base",
            state=state,
            error_code="" if state == WriteState.WRITTEN else "UnknownFlag",
            not_before=began,
            created_at=began,
        )
        self.writes.append(write)
        self.values.append(FlagValue(write_id=number + 1, recording_guid=guid, name=ours.name, value=ours.value))

    def _leg(self, number: int, extension: str, began: datetime, guid: str | None, why: str) -> None:
        key = leg_key(self.source.pk, number)
        self.legs.append(
            Leg(
                id=key,
                source=self.source,
                call_id=f"C{number}",
                device_id=extension,
                phase="settled",
                outcome="flagged" if guid else "not_recorded" if why == "none" else "window_missed",
                reason_code=why,
                connected_at=began,
                disconnected_at=began + APART / 2,
                recording_guid=guid,
                service=self.service if guid else None,
                folded_at=began,
                facts=b"",
            )
        )
        if not guid:
            self.searches.append(
                RecordingSearch(
                    leg_id=key,
                    source=self.source,
                    service=self.service,
                    extension=extension,
                    state=SearchState.MISSED,
                    why=why,
                    not_started_before=began,
                    connected_at=began,
                    deadline=began,
                    next_at=began,
                )
            )

    def _save_users(self) -> None:
        for extension in map(str, range(2001, 2002 + self.extensions)):
            QmsUser.objects.create(
                service=self.service, user_id=extension, extension=extension, licence="Unlimited", loaded_at=BEGIN
            )

    def _save(self) -> None:
        Leg.objects.bulk_create(self.legs, AT_ONCE)
        RecordingSearch.objects.bulk_create(self.searches, AT_ONCE)
        FlagWrite.objects.bulk_create(self.writes, AT_ONCE)
        FlagValue.objects.bulk_create(self.values, AT_ONCE)
        self.legs, self.searches, self.writes, self.values = [], [], [], []
