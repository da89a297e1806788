"""What was in progress before the link was: reported as a snapshot, over which live events win."""

import asyncio
from typing import Any

import pytest

from cti.events import AgentEvent, CallEvent, LinkEvent, type_name
from cti.sources.csta_xml.framing import framed
from cti.sources.csta_xml.parsing import children, descend, parse, text_of
from cti.sources.csta_xml.snapshot import entries_in, read_device_snapshot
from tests.cti.csta.pbx import WILLING, Listener, Pbx, event_frames, followed, only, sample, until, xml

EMPTY = WILLING["SnapshotDevice"]


def at_2001(root: Any) -> str | None:
    found = text_of(children(root)["snapshotObject"])
    return only("09-snapshot", "SnapshotDeviceResponse") if found == "2001" else EMPTY  # type: ignore[return-value]


def of_5201(root: Any) -> str | None:
    call = text_of(descend(root, "snapshotObject", "callID"))
    return only("09-snapshot", "SnapshotCallResponse") if call == "5201" else None


IN_PROGRESS = {**WILLING, "SnapshotDevice": at_2001, "SnapshotCall": of_5201}


async def snapshot_told(listener: Listener) -> None:
    await until(lambda: "Ended" in listener.types(), "the snapshot")


def reported(listener: Listener) -> list[str]:
    lines = []
    for event in listener.events:
        name = type_name(event).rpartition(".")[2]
        at = f" {event.data.call_id}/{event.data.device_id}" if isinstance(event, CallEvent) else ""
        lines.append(name + at)
    return lines


def test_calls_in_progress_are_reported_between_the_snapshots_beginning_and_end() -> None:
    listener = asyncio.run(followed(Pbx(IN_PROGRESS), snapshot_told))
    began, talking, held, _ = listener.events

    assert reported(listener) == ["Began", "Established 5201/2001", "Held 5202/2001", "Ended"]
    assert isinstance(began, LinkEvent)
    assert began.data.devices == ("2001", "2002", "5000")
    assert isinstance(talking, CallEvent)
    assert (talking.data.cause, talking.data.local_state, talking.data.queue_name) == ("snapshot", "connected", "Sales")
    assert (talking.data.calling_number, talking.data.direction) == ("+442079460123", "inbound")
    assert isinstance(held, CallEvent)
    assert held.data.interaction_id == "50425831000000000000000000000010"
    assert listener.batches == [4]


def test_live_events_win_over_the_snapshot_for_the_same_connection() -> None:
    cleared, retrieved, _ = [frame.xml for frame in sample("09-snapshot") if frame.invoke == 9999]

    def meanwhile(root: Any) -> str | None:
        if text_of(children(root)["snapshotObject"]) == "2001":
            pbx.send(framed(9999, cleared) + framed(9999, retrieved))
        return at_2001(root)

    pbx = Pbx({**IN_PROGRESS, "SnapshotDevice": meanwhile})
    listener = asyncio.run(followed(pbx, snapshot_told))

    assert reported(listener) == [
        "ConnectionCleared 5201/2001",
        "Retrieved 5202/2001",
        "Began",
        "Established 5202/2001",
        "Ended",
    ]


def test_a_call_that_began_meanwhile_is_in_the_snapshot_though_the_server_did_not_list_it() -> None:
    frames = [framed(9999, frame.xml) for frame in sample("06-forward-no-answer")]

    def meanwhile(root: Any) -> str | None:
        if text_of(children(root)["snapshotObject"]) == "2003":
            pbx.send(b"".join(frames[:4]))
        return EMPTY  # type: ignore[return-value]

    pbx = Pbx({**WILLING, "SnapshotDevice": meanwhile})
    listener = asyncio.run(followed(pbx, snapshot_told, devices=("2001", "2003")))

    assert reported(listener)[-3:] == ["Began", "Established 4F01/2003", "Ended"]


def test_calls_transferred_meanwhile_are_reported_under_their_new_id() -> None:
    frames = [framed(9999, frame.xml) for frame in sample("03-two-step-transfer")]

    def meanwhile(root: Any) -> str | None:
        if text_of(children(root)["snapshotObject"]) == "2001":
            pbx.send(b"".join(frames[:11]))
        return EMPTY  # type: ignore[return-value]

    pbx = Pbx({**WILLING, "SnapshotDevice": meanwhile})
    listener = asyncio.run(followed(pbx, snapshot_told))

    assert reported(listener)[-3:] == ["Began", "Established 4C03/2002", "Ended"]


@pytest.mark.parametrize("refusal", [None, xml("CSTAErrorCode", "<operation>generic</operation>")])
def test_without_an_answer_nothing_is_claimed_and_events_go_on(refusal: str | None) -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice")
        pbx.send(event_frames("06-forward-no-answer"))

    async def both(listener: Listener) -> None:
        await until(lambda: "ConnectionCleared" in listener.types(), "the events")
        assert refusal or "Began" not in listener.types()
        await snapshot_told(listener)

    pbx = Pbx({**WILLING, "SnapshotDevice": refusal, "GetAgentState": refusal}, script=speak)
    listener = asyncio.run(followed(pbx, both))
    began = next(event for event in listener.events if isinstance(event, LinkEvent))

    assert isinstance(began, LinkEvent)
    assert began.data.devices == ()


def test_no_snapshot_is_asked_for_where_the_site_wants_none() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("MonitorStart", 3)
        pbx.send(event_frames("06-forward-no-answer"))
        pbx.hang_up()

    pbx = Pbx(IN_PROGRESS, script=speak)
    listener = asyncio.run(followed(pbx, options={"snapshot": False, "agents": False}))

    assert not {"SnapshotDevice", "GetAgentState"} & set(pbx.names())
    assert "Began" not in listener.types()


def test_who_is_logged_on_already_is_reported_and_where_nobody_is() -> None:
    def states(root: Any) -> str:
        if text_of(children(root)["device"]) != "2001":
            return xml("GetAgentStateResponse", "<agentStateList/>")
        info = "<agentInfo><agentInfoItem><agentState>agentBusy</agentState></agentInfoItem></agentInfo>"
        on = f"<agentStateEntry><agentID>9101</agentID><loggedOnState>true</loggedOnState>{info}</agentStateEntry>"
        off = "<agentStateEntry><agentID>9102</agentID><loggedOnState>false</loggedOnState></agentStateEntry>"
        return xml("GetAgentStateResponse", f"<agentStateList>{on}{off}</agentStateList>")

    async def agents(listener: Listener) -> None:
        await until(lambda: {"Busy", "LoggedOff"} <= set(listener.types()), "the agents")

    listener = asyncio.run(followed(Pbx({**WILLING, "GetAgentState": states}), agents))
    found = [event for event in listener.events if isinstance(event, AgentEvent)]
    reported = [(type_name(event), event.data.agent_id) for event in found if event.data.device_id == "2001"]
    left = [(type_name(event), event.data.agent_id) for event in found if event.data.device_id == "2002"]

    assert reported == [("csta.agent.LoggedOn", "9101"), ("csta.agent.Busy", "9101")]
    assert left == [("csta.agent.LoggedOff", "")]


@pytest.mark.parametrize("is_still_there", [True, False])
def test_an_agent_who_leaves_one_of_several_groups_keeps_the_session(is_still_there: bool) -> None:
    """One agent in several ACD groups gives one event a group; whether that was the last, the server knows."""
    asked: list[str] = []

    def states(root: Any) -> str:
        asked.append(text_of(children(root)["device"]))
        on = "<agentStateEntry><agentID>9101</agentID><loggedOnState>true</loggedOnState></agentStateEntry>"
        is_there = asked.count("2001") == 1 or is_still_there
        return xml("GetAgentStateResponse", f"<agentStateList>{on if is_there else ''}</agentStateList>")

    async def leave(pbx: Pbx) -> None:
        await pbx.until_heard("GetAgentState", 2)
        pbx.say(only("10-agent-session", "AgentLoggedOffEvent"))

    async def answered(listener: Listener) -> None:
        await until(lambda: asked.count("2001") == 2, "the question")
        await until(
            lambda: agents_at_2001(listener)[-1] == ("LoggedOn" if is_still_there else "LoggedOff"), "the answer"
        )

    def agents_at_2001(listener: Listener) -> list[str]:
        return [
            type(one).__name__
            for one in listener.events
            if isinstance(one, AgentEvent) and one.data.device_id == "2001"
        ]

    listener = asyncio.run(followed(Pbx({**WILLING, "GetAgentState": states}, script=leave), answered))

    # The first answer may be reported before the log-off; after it, it is out of date.
    reported = agents_at_2001(listener)
    assert reported[reported.index("LoggedOff") :] == ["LoggedOff", *(["LoggedOn"] if is_still_there else [])]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("<simpleCallState>callReceived</simpleCallState>", "alerting"),
        ("<simpleCallState>0x33</simpleCallState>", "connected"),
        ("<simpleCallState>34</simpleCallState>", "hold"),
        ("<simpleCallState>callDelivered</simpleCallState>", "dialling"),
        ("<simpleCallState>callPending</simpleCallState>", "gone"),
        ("<simpleCallDetailedState>CALLESTABLISHED</simpleCallDetailedState>", "connected"),
        ("<compoundCallState><s>connected</s><s>alerting</s></compoundCallState>", "dialling"),
        ("<compoundCallState><s>connected</s><s>alerting</s><s>hold</s></compoundCallState>", "connected"),
        ("<compoundCallState><s>hold</s><s>connected</s></compoundCallState>", "hold"),
        ("<compoundCallState><s>queued</s><s>connected</s></compoundCallState>", "gone"),
        ("<unknown/>", ""),
    ],
)
def test_a_call_state_is_read_in_each_of_its_forms(state: str, expected: str) -> None:
    info = "<connectionIdentifier><callID>C1</callID><deviceID>2001</deviceID></connectionIdentifier>"
    info = f"<snapshotDeviceResponseInfo>{info}<localCallState>{state}</localCallState></snapshotDeviceResponseInfo>"
    body = f"<crossRefIDorSnapshotData><snapshotData>{info}</snapshotData></crossRefIDorSnapshotData>"
    found = read_device_snapshot(entries_in(parse(xml("SnapshotDeviceResponse", body).encode())))

    assert [one.state for one in found] == [expected]
