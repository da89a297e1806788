"""What belongs to a source itself: its gaps and snapshots, how its clock compares with ours, its settings."""

from datetime import datetime

import msgspec

from agents.core.presence import LogOff
from calls.core.device_lists import DeviceLists


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot being taken: what it has named so far. ``devices`` None: it covers all.

    ``found_late``: the device of each leg that was found in progress; ``seated``: where agents are; ``stated``: who is
    there, by device.
    """

    began_at: datetime
    began_gateway_at: datetime
    devices: tuple[str, ...] | None = None
    seen: tuple[int, ...] = ()
    found_late: tuple[str, ...] = ()
    seated: frozenset[str] = frozenset()
    stated: dict[str, frozenset[str]] = {}

    def covers(self, device_id: str) -> bool:
        """Say whether the snapshot could see a device."""
        return self.devices is None or device_id in self.devices


class PartialGap(msgspec.Struct, frozen=True, kw_only=True):
    """A gap of some devices while the link stands; it is over when none is left. What came through it so far."""

    began_at: datetime
    devices: frozenset[str]
    legs_saved: int = 0
    legs_lost: int = 0


class SourceState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What belongs to the source itself: the running number of legs, the gap and the snapshot in progress."""

    slug: str
    next_leg: int = 1
    next_incarnation: int = 1
    #: The time of the fold: the latest gateway time of any event, however late it is folded.
    folded_gateway_at: datetime | None = None
    lost_at: datetime | None = None
    #: The link is back, and no snapshot has shown yet which legs survived the gap.
    is_restored: bool = False
    partial: tuple[PartialGap, ...] = ()
    #: When, by our clock, the link was lost last, and when a leg was heard of last of which QMS knew long before us.
    lost_gateway_at: datetime | None = None
    stalled_gateway_at: datetime | None = None
    #: When, by our clock, an event was received last just as it happened: its clock and ours agree.
    agreed_gateway_at: datetime | None = None
    #: When, by our clock, events were last missed, of all devices or of some.
    missed_gateway_at: datetime | None = None
    #: The extensions whose calls ended in the last gap: those may have been joined with others, or handed on.
    cut_short: frozenset[str] = frozenset()
    #: Its times have fractions of a second; until one was seen they may be up to a second behind.
    has_fractions: bool = False
    queue_names: dict[str, str] = {}
    snapshot: Snapshot | None = None
    #: Who logged off just now: what is older and heard of later does not log them on again.
    log_offs: tuple[LogOff, ...] = ()


class SiteSettings(DeviceLists, frozen=True, kw_only=True):
    """The settings of a source."""

    settle_seconds: float = 1.0
    #: None: the wrap-up flag is not written.
    wrapup_wait_seconds: float | None = None
    agents_calls_only: bool = False
    #: For how long QMS names a recording after it began.
    guid_window_seconds: float = 10.0
    stale_hours: float = 12.0
    #: An agent may be logged on at several extensions at once.
    has_free_seating: bool = False
    #: Events carry the time at which they happened; else that of their receipt, so that nobody sees how late they are.
    has_source_times: bool = True
    #: The calls of the test extensions are recorded: else no recording can be theirs.
    has_canary_recordings: bool = True
    #: The canary's calls are real ones and marked as the gateway's: another call at a test extension is anybody's.
    has_marked_canaries: bool = False
