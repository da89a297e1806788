"""What an AMI user may not see is said with the line that gives it; devices are shown as they are classified."""

import asyncio
import re
from typing import Any

import pytest

from cti.sources.asterisk_ami.trace import AmiTrace
from cti.sources.port import LinkError, NeedsPerson, Stamp
from tests.cti.ami.field_pbx import FieldPbx, freepbx
from tests.cti.ami.pbx import Pbx
from tests.cti.ami.test_field_cases import CASES, TOO_OLD
from tests.cti.ami.traces import Collected, Server, follow, source

CHANNEL = b"Event: CoreShowChannel\r\nActionID: x\r\nChannel: PJSIP/2001-00000001\r\nUniqueid: 1.1\r\nLinkedid: 1.1"
DENIED = b"Response: Error\r\nActionID: x\r\nMessage: Permission denied"


def followed(server: Server, **options: Any) -> tuple[Collected, LinkError | None]:
    return asyncio.run(follow(server, **options))


def test_an_action_that_is_denied_is_named_with_what_it_costs_and_the_line_for_manager_conf() -> None:
    server = Server(b"")
    server.answers |= {"Agents": [DENIED], "CoreShowChannels": [DENIED]}
    outlet, _ = followed(server)
    (lack,) = outlet.lacking

    assert lack.reason.startswith("The PBX refuses CoreShowChannels, Agents to this user (Permission denied)")
    assert "calls in progress when the link comes up" in lack.reason
    assert "give the user gateway the line write = system,call,agent,reporting" in lack.remedy


def test_a_user_with_all_rights_lacks_nothing() -> None:
    assert followed(Server(b""))[0].lacking == []


@pytest.mark.parametrize(("is_listed", "lacks"), [(True, True), (False, False)])
def test_listed_calls_of_which_no_event_comes_show_a_missing_class(*, is_listed: bool, lacks: bool) -> None:
    """The link is silent but for the answers to pings."""
    server = Server(b"")
    server.answers["CoreShowChannels"] = [
        b"Response: Success\r\nActionID: x\r\nEventList: start",
        b"Event: CoreShowChannelsComplete\r\nActionID: x\r\nEventList: Complete",
    ]

    tasks = []

    async def quietly(writer: asyncio.StreamWriter) -> None:
        if is_listed:
            server.answers["CoreShowChannels"].insert(1, CHANNEL)
        tasks.append(asyncio.create_task(_close_later(writer)))

    server.after = quietly
    outlet, _ = followed(server, ping_seconds=0.2)

    assert bool(outlet.lacking) is lacks
    assert all("read = system,call,agent,user,dialplan,reporting" in one.remedy for one in outlet.lacking)


def queues(calls: int, *, waiting: str = "") -> list[bytes]:
    entry = b"Event: QueueEntry\r\nActionID: x\r\nQueue: sales\r\nUniqueid: " + waiting.encode()
    return [
        b"Response: Success\r\nActionID: x\r\nEventList: start",
        b"Event: QueueMember\r\nActionID: x\r\nQueue: sales\r\nLocation: PJSIP/2001\r\nCallsTaken: %d" % calls,
        *([entry] if waiting else []),
        b"Event: QueueStatusComplete\r\nActionID: x\r\nEventList: Complete",
    ]


@pytest.mark.parametrize(
    ("later", "hears_agents", "lacks"),
    [
        (queues(8), False, True),
        (queues(7, waiting="1.1"), False, True),
        (queues(7), False, False),
        (queues(8), True, False),
    ],
)
def test_queues_at_work_of_which_no_event_comes_show_a_missing_class(
    later: list[bytes], *, hears_agents: bool, lacks: bool
) -> None:
    """Calls are heard; a call was taken between two lists, or a caller waits in both."""
    pbx = Pbx()
    pbx.hangs_up(pbx.customer())
    agents = Pbx()
    if hears_agents:
        agents.member("2001", "Alice Archer")
    server = Server(pbx.data)
    server.answers["QueueStatus"] = queues(7)
    tasks = []

    async def quietly(writer: asyncio.StreamWriter) -> None:
        async def go_on() -> None:
            await asyncio.sleep(0.5)
            server.answers["QueueStatus"] = later
            writer.write(agents.data.partition(b"\r\n")[2])
            await _close_later(writer)

        tasks.append(asyncio.create_task(go_on()))

    server.after = quietly
    outlet, _ = followed(server, ping_seconds=0.1)

    assert bool(outlet.lacking) is lacks
    assert all(one.reason.endswith("this user gets no events of the class agent") for one in outlet.lacking)
    assert all("read = system,call,agent,user,dialplan,reporting" in one.remedy for one in outlet.lacking)


async def _close_later(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1.5)
    writer.close()


def test_the_devices_of_a_trace_are_shown_with_their_class() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.hangs_up(agent, customer)
    outlet, _ = followed(Server(pbx.data))

    assert {one.device: (one.is_extension, one.extension) for one in outlet.seen} == {
        "PJSIP/trunk": (False, ""),
        "PJSIP/2001": (True, "2001"),
    }


def test_an_asterisk_that_is_too_old_needs_a_person_before_the_login_counts() -> None:
    server = Server((CASES / f"{TOO_OLD}.ami").read_bytes())
    server.banner = b"Asterisk Call Manager/1.3\r\n"
    _, error = followed(server)

    assert isinstance(error, NeedsPerson)
    assert re.search("Asterisk older than 13 is not supported: this one speaks AMI 1.3. Upgrade the PBX", str(error))


def messages(pbx: Pbx, *left_out: str) -> bytes:
    names = [f"Event: {name}\r".encode() for name in left_out]
    return b"\r\n\r\n".join(one for one in pbx.data.split(b"\r\n\r\n") if not any(name in one for name in names))


def busy() -> FieldPbx:
    pbx = freepbx()
    for _ in range(3):
        pbx.ends(pbx.served("2001"))
    return pbx


@pytest.mark.parametrize("dropped", ["BridgeEnter", "Newchannel", ""])
def test_an_event_that_an_eventfilter_drops_is_named(dropped: str) -> None:
    """Without it the link looks well, and no call has a leg."""
    server = Server(messages(busy(), dropped))

    async def close_soon(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(b"Event: FullyBooted\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    tasks: list[asyncio.Task[None]] = []

    async def later(writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(close_soon(writer)))

    server.after = later
    outlet, _ = followed(server)

    assert [one.reason.rpartition(" no ")[2] for one in outlet.lacking] == [f"{dropped} comes"] * bool(dropped)
    assert all("eventfilter of the user gateway" in one.remedy for one in outlet.lacking)


OLD = (CASES / f"{TOO_OLD}.ami").read_bytes()
REFUSED = b"Asterisk Call Manager/9.0.0\r\n" + DENIED + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (messages(busy(), "BridgeEnter"), "Calls are answered, but no BridgeEnter comes"),
        (messages(busy(), "Newchannel"), "Messages about channels that the trace does not show before"),
        (OLD, "Asterisk older than 13 is not supported: this one speaks AMI 1.3"),
        (OLD.partition(b"\r\n")[2], "Asterisk older than 13 is not supported, and these are its events: Dial, Join"),
        (REFUSED, "The PBX refused 1 action of the client (Permission denied)"),
        (REFUSED, "It names no channel: the trace has no call, or its user gets no events of the class call"),
        (REFUSED.replace(b"Permission denied", b"Authentication failed"), "The PBX refused the login of the client"),
        (busy().data.replace(b"\r\n", b"\n"), "Its lines end without CR"),
    ],
)
def test_a_trace_that_gives_no_leg_says_what_it_lacks(raw: bytes, said: str) -> None:
    reader = AmiTrace(source(preset="freepbx"), Stamp("pbx", "1"))
    reader.feed(0, raw, None)
    remarks = reader.end().remarks

    assert [one for one in remarks if one.startswith(said)]


def test_a_trace_with_legs_lacks_nothing() -> None:
    reader = AmiTrace(source(preset="freepbx"), Stamp("pbx", "1"))
    reader.feed(0, busy().data, None)

    assert reader.end().remarks == []
