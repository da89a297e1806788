"""Legs, and the core's work with them, as they stand at some moment. Leg 1 is that of 2001, connected at 10."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.origins import Origin, OriginRule
from calls.core.result_events import RecordingFound
from calls.core.source_state import SourceState
from calls.core.state import LegData, LegPhase, LegState, PendingTransfer, SearchStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from tests.calls.switchboard import moment, with_site

_TIMES = ("at", "since", "began", "due", "lost")


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with the numbers among them that are times as moments."""
    return {
        name: moment(value) if name.endswith(_TIMES) and isinstance(value, int | float) else value
        for name, value in values.items()
    }


def leg(at: float = 10, heard: float | None = None, number: int = 1, **more: Any) -> LegState:
    """Return a leg of 2001 that was connected at a moment, and of which that was heard then or later."""
    plain = LegState(
        number=number,
        call_id=f"C{number}",
        incarnation=number,
        device_id="2001",
        ordinal=1,
        connected_source_at=moment(at),
        connected_gateway_at=moment(at if heard is None else heard),
        match=MatchKind.MATCHED,
        services=(1,),
        search=SearchStatus.OPEN,
        searches=1,
    )
    return replace(plain, **_timed(more))


def over(one: LegState, at: float, heard: float | None = None, **more: Any) -> LegState:
    """Return a leg that has ended."""
    times = {"disconnected_source_at": at, "disconnected_gateway_at": at if heard is None else heard}
    return replace(one, phase=LegPhase.CLOSED, **_timed({**times, **more}))


def pending(at: float, heard: float | None = None) -> PendingTransfer:
    return PendingTransfer(
        at=moment(at),
        gateway_at=moment(at if heard is None else heard),
        call_id="C0",
        incarnation=9,
        facts=LegData(),
        search=2,
        new_segment=False,
    )


def work(*legs: LegState, source: dict[str, Any] | None = None, **site: Any) -> UnitOfWork:
    """Return the core's work with these legs; the source has fractions of seconds, if nothing else is said."""
    state = replace(SourceState(slug="pbx", has_fractions=True), **_timed(source or {}))
    return UnitOfWork(LiveState(source=state, legs={one.number: one for one in legs}), with_site(**site))


def found(began: float = 10.1, asked: float | None = 10.2, guid: str = "G", number: int = 1) -> RecordingFound:
    return RecordingFound(
        leg=number,
        search=1,
        guid=guid,
        service=1,
        started_at=moment(began),
        attempts=1,
        at=moment(20),
        asked_at=None if asked is None else moment(asked),
    )


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


#: By which a device was connected at 5.
SAID = Origin("Established", "e", moment(5), OriginRule.CONNECTED)

#: QMS named the recording of leg 1; and for sure, as it was asked while that leg alone was connected.
HOLDER = leg(guid="G", service=1, search=SearchStatus.FOUND, recording_began=10.1)
SURE = replace(HOLDER, sure_at=moment(10.2))
