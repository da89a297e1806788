"""Recordings and legs at moments after ten, and what a comparison finds of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_site.reconciliation.candidates import ComparedLeg
from gateway_site.reconciliation.compare import Finding, Known, WriteFacts, compared
from qms.port import Flag, FlaggedRecording, Recording

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def recording(guid: str = "R1", second: float = 0, extension: str = "2001", **flags: Any) -> FlaggedRecording:
    return FlaggedRecording(
        Recording(guid, extension, at(second), at(second + 60)), tuple(map(Flag, flags, flags.values()))
    )


def leg(number: int = 1, second: float = 0, guid: str = "", **changes: Any) -> ComparedLeg:
    usual: dict[str, Any] = {
        "leg_id": number,
        "source_id": 7,
        "extension": "2001",
        "connected_at": at(second),
        "disconnected_at": at(second + 60),
        "guid": guid,
        "outcome": "flagged" if guid else "window_missed",
        "reason_code": "" if guid else "unreachable",
    }
    return ComparedLeg(**{**usual, **changes})


def found(*recordings: FlaggedRecording, legs: tuple[ComparedLeg, ...] = (), **changes: Any) -> list[Finding]:
    usual: dict[str, Any] = {
        "legs": legs,
        "holders": {one.guid: one for one in legs if one.guid},
        "writes": {},
        "gaps": (),
        "flag_names": frozenset({"AgentId", "QueueName"}),
        "followed_extensions": frozenset({"2001"}),
        "tolerance": timedelta(seconds=5),
    }
    return compared(recordings, at(0), at(3600), Known(**{**usual, **changes}))


def taken(**flags: str | None) -> dict[str, WriteFacts]:
    return {"R1": WriteFacts(flags)}
