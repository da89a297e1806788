"""A site with differences planted by the thousand: what QMS lists, what the gateway has, and what must be found."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import models
from msgspec.structs import replace

from agents.models import Allocation, QmsUser
from calls.models import Gap, Leg, RecordingSearch, SearchState
from calls.storage.codec import LEG_FIELDS, leg_key, leg_row, read_leg
from cti.models import CtiSource
from devtools.bench.filling import defaults_of, insert, leg_pattern, without_indexes
from devtools.bench.planted_calls import APART, BEGIN, KINDS, NOT_WRITTEN, PlantedCall, PlantedCalls, PlantedLeg
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

__all__ = ["BEGIN", "KINDS", "ListedQms", "PlantedSite"]
#: One call of this many has a difference, each kind in turn.
EVERY = 4
#: Gaps that are saved at once.
AT_ONCE = 500
#: The flags of each recording; one of them alone may be lost.
FLAG_NAMES = ("AgentId", "QueueName")


def _begin(one: FlaggedRecording) -> datetime:
    return one.recording.started_at


class ListedQms:
    """A Recording Service that only lists: recordings in the order of their begin. ``failures`` come first."""

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
    """Rows and recordings of ``calls`` calls, and the differences among them.

    ``extensions``: how many have a call at a time; ``every``: one call of this many has a difference.
    """

    def __init__(
        self, calls: int, extensions: int = 4, every: int = EVERY, flag_names: tuple[str, ...] = FLAG_NAMES
    ) -> None:
        self.calls = PlantedCalls(calls, extensions, every, flag_names)
        self.source = CtiSource.objects.create(slug="planted", kind="http")
        server = DataServer.objects.create(slug="planted-ds")
        self.service = RecordingService.objects.create(slug="planted-rs", data_server=server, url="http://localhost")
        Allocation.objects.create(source=self.source, service=self.service)
        for name in flag_names:
            FlagSetting.objects.get_or_create(name=name, defaults={"field": name.lower()})
        FlagSetting.objects.filter(name__in=flag_names).update(enabled=True)
        self._save_users()
        self._save_calls()
        self.end = self.calls.end

    @cached_property
    def listed(self) -> list[FlaggedRecording]:
        """Return all that QMS lists; for few calls."""
        return self.calls.recordings(BEGIN, self.end)

    @cached_property
    def planted(self) -> dict[tuple[str, str], str]:
        """Return the cause of each planted difference, by its kind and the key that a finding has."""
        return {self._expected(call): KINDS[call.kind][1] for call in self.calls if call.kind}

    @cached_property
    def expected(self) -> Counter[tuple[str, str]]:
        """Return how many differences of each kind and cause are planted."""
        return Counter((kind, cause) for (kind, _), cause in self.planted.items())

    def qms(self) -> ListedQms:
        """Return the recorder as it stands; for few calls."""
        return ListedQms(self.listed)

    def _expected(self, call: PlantedCall) -> tuple[str, str]:
        if call.kind == "leg without recording":
            return KINDS[call.kind][0], f"leg:{self._key(call.number)}"
        found = call.listed()
        return KINDS[call.kind][0], found[-1].recording.guid if found else call.guid

    def _key(self, number: int) -> int:
        return leg_key(self.source.pk, number)

    def _save_users(self) -> None:
        for extension in map(str, range(2001, 2002 + self.calls.extensions)):
            QmsUser.objects.create(
                service=self.service, user_id=extension, extension=extension, licence="Unlimited", loaded_at=BEGIN
            )

    def _save_calls(self) -> None:
        with without_indexes(Leg):
            self._insert(Leg, leg_pattern(), (self._leg(leg) for leg in self._legs()))
        missed = (self._search(leg) for leg in self._legs() if leg.was_sought)
        self._insert(RecordingSearch, defaults_of(RecordingSearch), missed)
        flagged = (self._write(call) for call in self.calls if call.is_flagged)
        self._insert(FlagWrite, {**defaults_of(FlagWrite), "id": 0}, flagged)
        values = (value for call in self.calls if call.is_flagged for value in self._values(call))
        self._insert(FlagValue, defaults_of(FlagValue), values)
        gaps = [call.began for call in self.calls if call.kind == "in a gap"]
        Gap.objects.bulk_create(
            [Gap(source=self.source, began_at=at, ended_at=at + APART / 2, reason="link") for at in gaps], AT_ONCE
        )

    def _insert(self, model: type[models.Model], usual: Mapping[str, Any], rows: Iterator[dict[str, Any]]) -> None:
        insert(model, list(usual), (tuple({**usual, **row}.values()) for row in rows))

    def _legs(self) -> Iterator[PlantedLeg]:
        return (leg for call in self.calls for leg in call.legs())

    def _leg(self, leg: PlantedLeg) -> dict[str, Any]:
        return {
            "id": self._key(leg.number),
            "source": self.source.pk,
            "call_id": f"C{leg.number}",
            "device_id": leg.extension,
            "outcome": leg.outcome,
            "reason_code": leg.reason,
            "connected_at": leg.connected_at,
            "disconnected_at": leg.ended_at,
            "recording_guid": leg.guid,
            "service": self.service.pk if leg.guid else None,
            "folded_at": leg.connected_at,
            **({"facts": _facts_at(leg.connected_at, leg.ended_at)} if leg.was_sought else {}),
        }

    def _search(self, leg: PlantedLeg) -> dict[str, Any]:
        at = leg.connected_at
        return {
            "leg_id": self._key(leg.number),
            "source": self.source.pk,
            "service": self.service.pk,
            "extension": leg.extension,
            "state": SearchState.MISSED.value,
            "why": leg.reason,
            **dict.fromkeys(("not_started_before", "connected_at", "deadline", "next_at"), at),
        }

    def _write(self, call: PlantedCall) -> dict[str, Any]:
        state, code = NOT_WRITTEN.get(call.kind, (WriteState.WRITTEN.value, ""))
        return {
            "id": call.number + 1,
            "leg_id": self._key(call.number),
            "source_id": self.source.pk,
            "service": self.service.pk,
            "recording_guid": call.guid,
            "part": "base",
            "state": state,
            "error_code": code,
            **dict.fromkeys(("not_before", "created_at"), call.began),
        }

    def _values(self, call: PlantedCall) -> Iterator[dict[str, Any]]:
        for flag in call.flags():
            yield {"write": call.number + 1, "recording_guid": call.guid, "name": flag.name, "value": flag.value}


def _facts_at(connected_at: datetime, ended_at: datetime | None) -> bytes:
    """Return the facts of the pattern's leg, connected at a time by the gateway's clock."""
    leg = read_leg(leg_pattern()["facts"], "")
    timed = replace(leg, connected_gateway_at=connected_at, disconnected_gateway_at=ended_at)
    return bytes(leg_row(0, timed, connected_at, compact=True)[LEG_FIELDS.index("facts")])
