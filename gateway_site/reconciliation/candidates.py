"""The legs that may be a recording's, by extension and time; pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from calls.core.same_time import CallTime, is_one_call
from qms.port import Recording

#: Maximum by which the clock of who posts is taken to be behind: what is older was sent late.
FAR_CLOCK = timedelta(minutes=2)


class ComparedLeg(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison needs of a leg; its times are by its source's clock. A repair judges by the gateway's.

    ``received_at``: when the intake received what was reported late. ``is_of_several``: one of several services may
    have its recording; ``is_filed_elsewhere``: another one than that compared has it, or was the last to be asked.
    """

    leg_id: int
    source_id: int
    extension: str
    connected_at: datetime
    disconnected_at: datetime | None
    guid: str = ""
    outcome: str
    reason_code: str = ""
    has_write: bool = False
    received_at: datetime | None = None
    is_of_several: bool = False
    is_filed_elsewhere: bool = False

    @property
    def was_sought(self) -> bool:
        """Say whether QMS was asked for the leg's recording, and named none."""
        return self.outcome in ("not_recorded", "window_missed")


def candidates_of(recording: Recording, own: Sequence[ComparedLeg], tolerance: timedelta) -> list[ComparedLeg]:
    """Return the legs at the recording's extension that were connected about when it began, else while it began.

    Else those that were first seen while it went on: they had been connected before. Else those that were received as
    it began: the clock of who posts them may be behind.
    """
    near = [leg for leg in own if is_near(leg, recording, tolerance)]
    within = near or [leg for leg in own if _is_within(leg, recording.started_at)]
    seen = within or [leg for leg in own if leg.outcome == "joined_late" and _is_seen_in(leg, recording)]
    return seen or [leg for leg in own if _is_received_with(leg, recording, tolerance)]


def is_near(leg: ComparedLeg, recording: Recording, tolerance: timedelta) -> bool:
    """Say whether a recording began when the leg was connected, within what the two clocks may differ."""
    return abs(recording.started_at - leg.connected_at) <= tolerance


def is_one_time(leg: ComparedLeg, recording: Recording, tolerance: timedelta) -> bool:
    """Say whether a recording and a leg went on and ended together, too: else they may be two calls."""
    recorded = CallTime(recording.started_at, recording.ended_at)
    return is_one_call(CallTime(leg.connected_at, leg.disconnected_at), recorded, tolerance)


def _is_received_with(leg: ComparedLeg, recording: Recording, tolerance: timedelta) -> bool:
    at = leg.received_at
    is_near_time = at is not None and abs(recording.started_at - at) <= tolerance
    return is_near_time and abs(recording.started_at - leg.connected_at) <= FAR_CLOCK and not leg.guid


def _is_within(leg: ComparedLeg, moment: datetime) -> bool:
    return leg.connected_at <= moment and (leg.disconnected_at is None or moment <= leg.disconnected_at)


def _is_seen_in(leg: ComparedLeg, recording: Recording) -> bool:
    return recording.started_at <= leg.connected_at and (
        recording.ended_at is None or leg.connected_at <= recording.ended_at
    )
