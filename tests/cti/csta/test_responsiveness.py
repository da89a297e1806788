"""A server that does not answer for a moment, or for long: what is left out is said, and asked again."""

import asyncio
from typing import Any

import pytest

from cti.events import LinkEvent, type_name
from cti.sources.csta_xml.parsing import children, text_of
from cti.sources.csta_xml.responsiveness import Responsiveness
from tests.cti.csta.pbx import WILLING, Listener, Pbx, followed, until, xml

DEVICES = tuple(str(number) for number in range(2001, 2021))
QUICK = {"request_seconds": 0.1, "retry_seconds": 0.05, "parallel": 4}


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_questions_that_were_under_way_together_count_once() -> None:
    ticks = Ticks()
    hearing = Responsiveness(ticks)
    for _ in range(2):
        asked = [hearing.asked() for _ in range(8)]
        ticks.now += 5
        assert not any(hearing.missed(at) for at in asked)
    asked = [hearing.asked() for _ in range(8)]
    ticks.now += 5

    assert [hearing.missed(at) for at in asked] == [True] + [False] * 7
    assert hearing.is_unresponsive


def test_an_answer_and_a_new_beginning_forget_what_was_not_answered() -> None:
    ticks = Ticks()
    hearing = Responsiveness(ticks)
    for forget in (hearing.answered, hearing.reset):
        for _ in range(2):
            asked_at = hearing.asked()
            ticks.now += 5
            hearing.missed(asked_at)
        asked_at = hearing.asked()
        ticks.now += 1
        forget()

    assert not hearing.missed(asked_at)
    assert not hearing.is_unresponsive


def covered(listener: Listener) -> list[tuple[str, ...] | None]:
    began = [event for event in listener.events if type_name(event) == "gateway.snapshot.Began"]
    return [event.data.devices for event in began if isinstance(event, LinkEvent)]


def surveyed_devices(listener: Listener) -> list[str]:
    return sorted(device for devices in covered(listener) for device in devices or ())


def silent_for(times: int, answer: str, since: list[int]) -> Any:
    """Answer when this many requests went unanswered."""

    def answered(_: Any) -> str | None:
        since.append(1)
        return answer if len(since) > times else None

    return answered


def test_one_hiccup_of_questions_asked_together_leaves_nothing_out_of_the_next_survey() -> None:
    async def lose(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        await until(lambda: bool(covered(reported[0])), "the first snapshot")
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 7)

    async def surveyed(listener: Listener) -> None:
        reported.append(listener)
        await until(lambda: len(covered(listener)) == 2, "the second snapshot")

    reported: list[Listener] = []
    asked: list[int] = []
    pbx = Pbx({**WILLING, "SnapshotDevice": silent_for(3, str(WILLING["SnapshotDevice"]), asked)}, script=lose)
    listener = asyncio.run(followed(pbx, surveyed))

    assert covered(listener) == [(), ("2001", "2002", "5000")]
    assert listener.lacking == []


def test_a_server_that_says_nothing_of_what_is_in_progress_is_shown_and_asked_again_until_it_does() -> None:
    async def surveyed(listener: Listener) -> None:
        await until(lambda: surveyed_devices(listener) == list(DEVICES), "all devices")

    asked: list[int] = []
    pbx = Pbx({**WILLING, "SnapshotDevice": silent_for(16, str(WILLING["SnapshotDevice"]), asked)})
    listener = asyncio.run(followed(pbx, surveyed, devices=DEVICES, queues={}, options=QUICK))

    assert covered(listener)[0] == ()
    assert listener.lacking[0].reason.startswith("The server does not say what is in progress")
    assert all(one.again_at is not None for one in listener.lacking)
    # Each device once when it is answered; before that three rounds of four, and four of the next.
    assert len(asked) == 16 + len(DEVICES)


def test_a_server_that_says_nothing_of_agents_is_shown_and_asked_again_until_it_does() -> None:
    def states(root: Any) -> str | None:
        asked.append(text_of(children(root)["device"]))
        return xml("GetAgentStateResponse", "<agentStateList/>") if len(asked) > 16 else None

    async def reported(listener: Listener) -> None:
        await until(lambda: listener.types().count("LoggedOff") == len(DEVICES), "who is logged on")

    asked: list[str] = []
    pbx = Pbx({**WILLING, "GetAgentState": states})
    listener = asyncio.run(followed(pbx, reported, devices=DEVICES, queues={}, options=QUICK))

    assert set(asked) == set(DEVICES)
    assert listener.lacking[0].reason.startswith("The server does not say who is logged on")


@pytest.mark.parametrize("service", ["SnapshotDevice", "GetAgentState"])
def test_a_server_that_stays_deaf_is_not_asked_for_every_device_each_time(service: str) -> None:
    async def asked_again(listener: Listener) -> None:
        await until(lambda: len(listener.lacking) == 3, "the third time")

    pbx = Pbx({**WILLING, service: None})
    listener = asyncio.run(followed(pbx, asked_again, devices=DEVICES, queues={}, options=QUICK))
    intervals = [
        one.again_at - at for one, at in zip(listener.lacking, listener.lacking_at, strict=True) if one.again_at
    ]

    # Three times three rounds of four, not three times twenty.
    assert pbx.names().count(service) <= 3 * 3 * 4
    assert intervals[2] > intervals[0]
