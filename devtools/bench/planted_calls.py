"""The calls of a site with planted differences, each a function of its number: what QMS lists, what we have; pure.

Nothing is kept: the recordings of any hour of a million calls are made when they are asked for.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from qms.guids import guid_key
from qms.port import Flag, FlaggedRecording, Recording

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
#: One call of an extension begins this long after the one before it, and lasts half of that.
APART = timedelta(seconds=40)
#: Odd, so that each number has its own GUID and each GUID its number; GUIDs are in no order.
_MIXED_BY, _GUIDS = 0x9E3779B97F4A7C15F39CC0605CEDC835, 2**128
_MIXED_BACK = pow(_MIXED_BY, -1, _GUIDS)
#: The GUID of a call's second recording, and the number of its second leg, lie this far beyond the first.
SECOND = 5_000_000
#: Each kind of difference: what must be found, and its cause.
KINDS = {
    "lost in QMS": ("recorded_without_flags", "lost_in_qms"),
    "value changed": ("different_values", "written_by_another"),
    "another's flags": ("flagged_without_leg", "written_by_another"),
    "search missed": ("recorded_without_flags", "unreachable"),
    "two legs for one": ("recorded_without_flags", "several_candidates"),
    "leg without recording": ("leg_without_recording", "none"),
    "recording deleted": ("recording_not_in_qms", "not_in_qms"),
    "write refused": ("recorded_without_flags", "UnknownFlag"),
    "in a gap": ("recorded_without_flags", "gap"),
    "one flag lost": ("different_values", "lost_in_qms"),
    "answer lost": ("different_values", "taken_but_not_confirmed"),
    "write waits": ("recorded_without_flags", "write_queued"),
    "no event": ("recorded_without_flags", "no_event"),
    "not followed": ("recorded_without_flags", "extension_not_followed"),
    "second recording": ("recorded_without_flags", "second_recording_of_leg"),
    "joined late": ("recorded_without_flags", "joined_late"),
    "no QMS user": ("recorded_without_flags", "user_unmatched"),
}
_NAMES = tuple(KINDS)
#: State and code of the flag writes that QMS did not take, or did not confirm.
NOT_WRITTEN = {
    "write refused": ("refused", "UnknownFlag"),
    "answer lost": ("given_up", "Unclear"),
    "write waits": ("queued", ""),
}
#: Outcome and reason of a leg that has no recording.
_MISSED = {
    "search missed": ("window_missed", "unreachable"),
    "two legs for one": ("window_missed", "unreachable"),
    "leg without recording": ("not_recorded", "none"),
    "joined late": ("joined_late", ""),
    "no QMS user": ("user_unmatched", ""),
}
#: Differences of which no source reports a call of ours.
_UNHEARD = frozenset(["another's flags", "in a gap", "no event", "not followed"])


class PlantedLeg(msgspec.Struct, frozen=True):
    """A leg of a planted call. ``was_sought``: QMS was asked for its recording."""

    number: int
    extension: str
    connected_at: datetime
    ended_at: datetime
    guid: str | None
    outcome: str
    reason: str

    @property
    def was_sought(self) -> bool:
        """Say whether QMS was asked for the recording, and named none."""
        return self.guid is None and self.outcome in ("window_missed", "not_recorded")


class PlantedCalls(msgspec.Struct, frozen=True):
    """``extensions``: how many have a call at a time; ``every``: one call of this many has a difference."""

    calls: int
    extensions: int
    every: int
    flag_names: tuple[str, ...]

    def __iter__(self) -> Iterator["PlantedCall"]:
        return (PlantedCall(number, self) for number in range(self.calls))

    @property
    def end(self) -> datetime:
        """Return when all calls are over."""
        return BEGIN + (self.calls // self.extensions + 1) * APART

    def recordings(self, begin: datetime, end: datetime) -> list[FlaggedRecording]:
        """Return what QMS lists of [begin, end), in the order of the begin."""
        first, last = ((at - BEGIN) // APART * self.extensions for at in (begin, end))
        numbers = range(max(first - self.extensions, 0), min(last + self.extensions, self.calls))
        listed = (one for number in numbers for one in PlantedCall(number, self).listed())
        found = (one for one in listed if begin <= one.recording.started_at < end)
        return sorted(found, key=lambda one: one.recording.started_at)

    def recording(self, guid: str) -> FlaggedRecording | None:
        """Return one recording as QMS has it; None where it has none."""
        number = (int(guid_key(guid), 16) * _MIXED_BACK % _GUIDS - 1) % SECOND
        call = PlantedCall(number, self) if number < self.calls else None
        return next((one for one in call.listed() if one.recording.guid == guid), None) if call else None


def _guid(number: int) -> str:
    return str(UUID(int=(number + 1) * _MIXED_BY % _GUIDS))


class PlantedCall(msgspec.Struct, frozen=True):
    """One call, by its number."""

    number: int
    site: PlantedCalls

    @property
    def kind(self) -> str:
        """Return which difference it has, if any."""
        number, every = self.number, self.site.every
        return "" if number % every else _NAMES[number // every % len(_NAMES)]

    @property
    def began(self) -> datetime:
        """Return when its leg is connected."""
        return BEGIN + self.number // self.site.extensions * APART

    @property
    def extension(self) -> str:
        """Return where it is; what no source reports is at extensions of its own, the second one of no QMS user."""
        own = {"in a gap": 0, "no event": 0, "not followed": 1}
        beyond = own.get(self.kind)
        return f"{2001 + (self.number % self.site.extensions if beyond is None else self.site.extensions + beyond)}"

    @property
    def guid(self) -> str:
        """Return its recording."""
        return _guid(self.number)

    @property
    def is_flagged(self) -> bool:
        """Say whether its leg has its recording, and a flag write."""
        return self.kind not in _UNHEARD | _MISSED.keys()

    def flags(self) -> list[Flag]:
        """Return the flags of its leg."""
        return [Flag(name, f"{name} {self.number % 50}") for name in self.site.flag_names]

    def listed(self) -> list[FlaggedRecording]:
        """Return its recordings as QMS lists them."""
        ours = self.flags()
        match self.kind:
            case "recording deleted" | "leg without recording":
                return []
            case "lost in QMS" | "write refused" | "write waits" | "in a gap" | "no event" | "not followed":
                return [self._listed([])]
            case "value changed":
                return [self._listed([Flag(ours[0].name, "other"), *ours[1:]])]
            case "one flag lost":
                return [self._listed(ours[1:])]
            case "search missed" | "no QMS user":
                return [self._listed([], after=1)]
            case "two legs for one":
                return [self._listed([], after=2)]
            case "joined late":
                return [self._listed([], after=0)]
            case "second recording":
                return [self._listed(ours), self._listed([], after=10, guid=_guid(SECOND + self.number))]
        return [self._listed(ours)]

    def _listed(self, flags: Sequence[Flag], after: float = 0.2, guid: str = "") -> FlaggedRecording:
        began = self.began + timedelta(seconds=after)
        recording = Recording(guid or self.guid, self.extension, began, self.began + APART / 2)
        return FlaggedRecording(recording, tuple(flags))

    def legs(self) -> list[PlantedLeg]:
        """Return its legs as the gateway has them."""
        if self.is_flagged:
            return [self._leg(self.guid, "flagged", "")]
        missed = _MISSED.get(self.kind)
        if missed is None:
            return []
        first = self._leg(None, *missed, after=10 if self.kind == "joined late" else 0)
        if self.kind != "two legs for one":
            return [first]
        return [first, self._leg(None, "window_missed", "late", after=3, number=SECOND + self.number)]

    def _leg(self, guid: str | None, outcome: str, reason: str, after: float = 0, number: int = -1) -> PlantedLeg:
        connected = self.began + timedelta(seconds=after)
        key = self.number if number < 0 else number
        return PlantedLeg(key, self.extension, connected, self.began + APART / 2, guid, outcome, reason)
