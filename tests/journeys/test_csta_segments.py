"""A CSTA snapshot that lacks a segment, from the server's bytes to the legs: what it does not name is not over."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from agents.core.matching import Directory, Instance, Listed
from calls.core.source_state import SiteSettings
from calls.core.state import LegState
from calls.transcript.replay import Recorder, Replay, ReplayContext
from cti.events import SnapshotEnded
from cti.sources.csta_xml.framing import framed
from tests.cti.csta.pbx import WILLING, Listener, Pbx, followed, sample, until, xml

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
EMPTY_LAST = "<segmentID>1</segmentID><lastSegment>true</lastSegment><snapshotData/>"


def legs_after(segment: str) -> list[LegState]:
    """Have a call answered, events lost, and a snapshot promised of which only this segment comes."""

    def at(_: Any) -> str:
        if "Established" not in listened[0].types():
            return str(WILLING["SnapshotDevice"])
        asyncio.get_running_loop().call_soon(pbx.say, xml("SnapshotDeviceData", f"{reference}{segment}"))
        return xml("SnapshotDeviceResponse", f"<crossRefIDorSnapshotData>{reference}</crossRefIDorSnapshotData>")

    async def reported(listener: Listener) -> None:
        listened.append(listener)
        await until(lambda: "Ended" in listener.types(), "the first snapshot")
        for frame in sample("01-acd-queue-call")[:14]:
            if frame.invoke == 9999 and b"ConnectionCleared" not in frame.xml:
                pbx.send(framed(9999, frame.xml))
        await until(lambda: "Established" in listener.types(), "the call")
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 1)
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    reference = "<serviceCrossRefID>7</serviceCrossRefID>"
    listened: list[Listener] = []
    pbx = Pbx({**WILLING, "SnapshotDevice": at})
    options = {"request_seconds": 0.3, "retry_seconds": 60}
    listener = asyncio.run(followed(pbx, reported, devices=("2001",), queues={}, options=options))
    return _folded(listener)


def _folded(listener: Listener) -> list[LegState]:
    site = SiteSettings(devices=frozenset({"2001"}), queues=frozenset({"5000"}))
    directory = Directory([Listed(service_id=1, user_id="2001", extension="2001")], [Instance(1)])
    replay = Replay(ReplayContext(site, directory), Recorder())
    last = max(place for place, event in enumerate(listener.events) if isinstance(event, SnapshotEnded))
    for second, event in enumerate(listener.events[: last + 1]):
        at = NINE + timedelta(seconds=second)
        replay.play([replace(event, time=at, gatewaytime=at)], rest=timedelta())  # type: ignore[list-item]
    return list(replay.legs)


def test_a_leg_stays_open_where_the_snapshots_last_segment_was_lost() -> None:
    (leg,) = legs_after(EMPTY_LAST.replace("true", "false"))

    assert leg.disconnected_source_at is None


def test_a_leg_that_a_whole_snapshot_does_not_name_is_over_with_its_end_unknown() -> None:
    (leg,) = legs_after(EMPTY_LAST)

    assert leg.disconnected_source_at is not None
    assert leg.is_end_unknown
