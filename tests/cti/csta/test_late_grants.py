"""A monitor that is granted after it was given up counts; of two for one device, one is ended."""

import asyncio
from collections.abc import Callable
from typing import Any

from cti.events import LinkEvent, type_name
from cti.sources.csta_xml.parsing import children, text_of
from tests.cti.csta.pbx import WILLING, Listener, Pbx, followed, monitored, until, xml

ALREADY = xml("CSTAErrorCode", "<stateIncompatibility>alreadyMonitored</stateIncompatibility>")


def granted(monitor: str) -> str:
    return xml("MonitorStartResponse", f"<monitorCrossRefID>{monitor}</monitorCrossRefID>")


def slow(*answers: str | None) -> tuple[Pbx, list[int]]:
    """Answer the requests to monitor 2001 so, one after the other; return their invoke ids."""
    asked: list[int] = []

    def answer(root: Any) -> str | None:
        if text_of(children(root)["monitorObject"]) != "2001":
            return monitored()(root)
        asked.append(pbx.heard[-1][1])
        return answers[len(asked) - 1]

    pbx = Pbx({**WILLING, "MonitorStart": answer, "MonitorStop": xml("MonitorStopResponse")})
    return pbx, asked


def surveyed(listener: Listener) -> list[tuple[str, ...] | None]:
    began = [event for event in listener.events if type_name(event) == "gateway.snapshot.Began"]
    return [event.data.devices for event in began if isinstance(event, LinkEvent)]


def is_monitored(listener: Listener) -> Callable[[], bool]:
    return lambda: ("2001", None) in listener.refusals and ("2001",) in surveyed(listener)


def test_a_monitor_that_is_granted_late_counts_at_once_and_no_other_is_asked_for() -> None:
    async def late(listener: Listener) -> None:
        await until(lambda: len(listener.refusals) == 1, "the time-out")
        pbx.say(granted("7001"), asked[0])
        await until(is_monitored(listener), "the monitor")

    pbx, asked = slow(None)
    asyncio.run(followed(pbx, late, options={"retry_seconds": 60}))

    assert len(asked) == 1


def test_a_monitor_that_is_granted_late_counts_though_a_second_was_refused_because_of_it() -> None:
    async def late(listener: Listener) -> None:
        await until(lambda: len(listener.refusals) == 2, "the second refusal")
        pbx.say(granted("7001"), asked[0])
        await until(is_monitored(listener), "the monitor")

    pbx, asked = slow(None, ALREADY)
    asyncio.run(followed(pbx, late, options={"retry_seconds": 1}))

    assert len(asked) == 2


def test_the_second_of_two_monitors_for_one_device_is_ended() -> None:
    async def late(listener: Listener) -> None:
        await until(is_monitored(listener), "the monitor")
        pbx.say(granted("7999"), asked[0])
        await pbx.until_heard("MonitorStop")

    pbx, asked = slow(None, granted("7001"))
    asyncio.run(followed(pbx, late))
    (stop,) = [text for name, _, text in pbx.heard if name == "MonitorStop"]

    assert "<monitorCrossRefID>7999</monitorCrossRefID>" in stop


def test_a_refusal_that_comes_late_changes_nothing() -> None:
    async def late(listener: Listener) -> None:
        await until(lambda: len(listener.refusals) == 1, "the time-out")
        pbx.say(ALREADY, asked[0])
        await until(is_monitored(listener), "the monitor")

    pbx, asked = slow(None, granted("7001"))
    listener = asyncio.run(followed(pbx, late, options={"retry_seconds": 0.3}))

    assert len(asked) == 2
    assert listener.broken == []
