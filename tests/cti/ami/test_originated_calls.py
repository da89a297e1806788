"""The gateway has an Asterisk make a canary call: only where that is allowed, and no phone is left ringing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cti.events import CallEvent, Conferenced, ConnectionCleared, Established, SnapshotEnded
from cti.sources.asterisk_ami import SOURCE, originated_calls
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.port import CallMaker, CallNotMade, CallRequest, LinkError, Stamp
from simulators.asterisk.calls import Site
from simulators.asterisk.server import AsteriskServer
from tests.cti.ami.field_pbx import FieldPbx
from tests.cti.ami.pbx import block
from tests.cti.ami.traces import Collected, play, source

REQUEST = CallRequest("7-20261129120000", "2999", "*43", 60.0)
CALL = "gateway-canary-7-20261129120000"
Act = Callable[["Link"], Awaitable[None]]


class Link:
    """A session that is up, and the Asterisk at its other end."""

    running: asyncio.Task[None]

    def __init__(self, session: AmiSession, server: AsteriskServer, outlet: Collected) -> None:
        self.session, self.server, self.outlet = session, server, outlet

    def calls(self, *kinds: type[CallEvent]) -> list[CallEvent]:
        """Return the events of calls, of the given kinds alone where any is given."""
        events = [one for one in self.outlet.events if isinstance(one, CallEvent)]
        return [one for one in events if not kinds or isinstance(one, kinds)]

    def asked(self, action: str) -> list[dict[str, str]]:
        """Return the actions of a kind that the PBX was asked."""
        return [one for one in self.server.asked if one["Action"] == action]

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is seen; a test that waits too long fails."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110  (the condition is at the other side of a socket)
                await asyncio.sleep(0.002)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a site whose phones and numbers answer at once; what never comes is soon given up."""
    monkeypatch.setattr(originated_calls, "OUTCOME_SECONDS", 0.3)
    monkeypatch.setattr(originated_calls, "RING_SECONDS", 0.3)
    return Site(ring_seconds=0.01, number_seconds=0.01)


def with_link(site: Site, act: Act, **options: Any) -> Link:
    """Run a session until it is up, and do something with it."""

    async def run() -> Link:
        server, outlet = AsteriskServer(site), Collected()
        async with server.listening():
            given = {"make_calls": True, "timeout_seconds": 0.5, "full_boot_seconds": 0.2} | options
            link = Link(AmiSession(source(server.port, **given), Stamp("pbx", "1")), server, outlet)
            running = link.running = asyncio.create_task(link.session.run(outlet))
            await link.until(lambda: any(isinstance(one, SnapshotEnded) for one in outlet.events))
            try:
                await act(link)
            finally:
                running.cancel()
                await asyncio.wait({running})
        return link

    return asyncio.run(run())


def not_made(site: Site, request: CallRequest = REQUEST, **options: Any) -> tuple[CallNotMade, Link]:
    """Have a call refused; return why."""
    caught: list[CallNotMade] = []

    async def act(link: Link) -> None:
        with pytest.raises(CallNotMade) as error:
            await link.session.make_call(request)
        caught.append(error.value)

    link = with_link(site, act, **options)
    return caught[0], link


def test_a_source_of_this_kind_can_make_calls() -> None:
    assert SOURCE.can_make_calls
    assert isinstance(AmiSession(source(), Stamp("pbx", "1")), CallMaker)


def test_the_test_phone_calls_an_announcement_is_connected_and_is_hung_up(site: Site) -> None:
    async def act(link: Link) -> None:
        assert await link.session.make_call(REQUEST) == CALL
        await link.until(lambda: link.calls(Established))
        await link.session.end_call(REQUEST.key)
        await link.session.end_call(REQUEST.key)
        await link.until(lambda: link.calls(ConnectionCleared))

    link = with_link(site, act)

    (begun,), (ended,) = link.calls(Established), link.calls(ConnectionCleared)
    assert (begun.data.call_id, begun.data.device_id, begun.data.direction) == (CALL, "2999", "internal")
    assert (ended.data.call_id, ended.data.device_id) == (CALL, "2999")
    assert {(one.data.call_id, one.data.is_canary) for one in link.calls()} == {(CALL, True)}
    assert link.server.calls.channels == []
    assert len(link.asked("Hangup")) == 1


def test_what_the_pbx_is_asked_bounds_the_ringing_and_the_call(site: Site) -> None:
    async def act(link: Link) -> None:
        await link.session.make_call(REQUEST)

    (asked,) = with_link(site, act, canary_channel="SIP/{extension}", canary_context="internal").asked("Originate")
    del asked["ActionID"]

    assert asked == {
        "Action": "Originate",
        "Channel": "SIP/2999",
        "ChannelId": CALL,
        "Application": "Dial",
        "Data": "Local/*43@internal/n,20,S(60)",
        "Timeout": str(originated_calls.RING_SECONDS * 1000),
        "CallerID": '"Canary test call" <2999>',
        "Async": "true",
    }


def test_another_call_of_the_phone_is_not_marked(site: Site) -> None:
    async def act(link: Link) -> None:
        own = {"Channel": "PJSIP/2998", "Data": "Local/7@internal/n,20", "ChannelId": "crm-1"}
        link.server.start(link.server.calls.originate(own))
        await link.session.make_call(REQUEST)
        await link.until(lambda: link.calls(Established))

    link = with_link(site, act)

    # Of another's click-to-dial to an announcement nothing is connected: it reaches nobody.
    assert {(one.data.call_id, one.data.device_id) for one in link.calls(Established)} == {(CALL, "2999")}
    assert {one.data.is_canary for one in link.calls() if one.data.call_id == "crm-1"} == {False}


def test_where_it_is_not_allowed_nothing_is_sent(site: Site) -> None:
    error, link = not_made(site, make_calls=False)

    assert str(error) == "The settings of the source do not allow canary calls: nothing was asked."
    assert link.asked("Originate") == []


def test_a_user_without_the_right_is_named_with_the_line_that_gives_it(site: Site) -> None:
    site.may_originate = False
    error, _ = not_made(site)

    assert "may not make calls (Permission denied)" in str(error)
    assert "write = system,call,agent,reporting,originate" in error.todo
    assert "the user gateway" in error.todo


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (0, "it cannot reach the test phone (reason 0)"),
        (1, "the test phone did not take the call (reason 1)"),
        (3, "the test phone rang and was not answered (reason 3)"),
        (5, "the test phone was busy (reason 5)"),
        (8, "the test phone is not available (reason 8)"),
        (7, "it does not say why (reason 7)"),
    ],
)
def test_why_the_phone_was_not_reached_is_said_in_words(site: Site, reason: int, sentence: str) -> None:
    site.reason = reason
    error, link = not_made(site)

    assert str(error) == f"The PBX did not make the call: {sentence}."
    assert error.todo
    assert link.server.calls.channels == []


def test_a_phone_with_another_call_is_left_alone(site: Site) -> None:
    async def act(link: Link) -> None:
        site.ring_seconds = 60.0
        link.server.start(link.server.calls.originate({"Channel": "PJSIP/2999", "ChannelId": "crm-1"}))
        await link.until(lambda: any(one.data.call_id == "crm-1" for one in link.calls()))
        with pytest.raises(CallNotMade, match="The phone was busy: another call is at the test extension"):
            await link.session.make_call(REQUEST)

    assert with_link(site, act).asked("Originate") == []


def test_a_pbx_that_never_answers_is_reported_and_the_call_it_made_is_hung_up(site: Site) -> None:
    site.silent, site.ring_seconds = {"Originate"}, 60.0

    async def act(link: Link) -> None:
        with pytest.raises(CallNotMade, match="did not answer Originate in time"):
            await link.session.make_call(REQUEST)
        await link.until(lambda: link.asked("Hangup") and not link.server.calls.channels)

    with_link(site, act, timeout_seconds=0.1)


def test_a_call_that_comes_after_it_was_given_up_is_hung_up_at_once(site: Site) -> None:
    site.may_originate = False

    async def act(link: Link) -> None:
        with pytest.raises(CallNotMade):
            await link.session.make_call(REQUEST)
        site.ring_seconds = 60.0
        link.server.start(link.server.calls.originate(link.asked("Originate")[0]))
        await link.until(lambda: link.asked("Hangup") and not link.server.calls.channels)

    with_link(site, act)


def test_a_call_that_is_ended_before_the_phone_is_called_is_hung_up_as_it_begins(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originated_calls, "ANSWER_SECONDS", 60.0)
    site.may_originate, site.silent, site.ring_seconds = False, {"Originate"}, 60.0

    async def act(link: Link) -> None:
        making = asyncio.create_task(link.session.make_call(REQUEST))
        await link.until(lambda: link.asked("Originate"))
        await link.session.end_call(REQUEST.key)
        link.server.start(link.server.calls.originate(link.asked("Originate")[0]))
        await link.until(lambda: link.asked("Hangup") and not link.server.calls.channels)
        making.cancel()
        await asyncio.wait({making})

    with_link(site, act, timeout_seconds=60.0)


def test_an_outcome_that_does_not_come_is_the_fault_of_a_right_or_a_filter(site: Site) -> None:
    site.filtered = {"OriginateResponse"}
    error, _ = not_made(site)

    assert "OriginateResponse" in str(error)
    assert "read = call" in error.todo


def test_a_call_that_nobody_ends_is_hung_up_after_its_time(site: Site) -> None:
    async def act(link: Link) -> None:
        await link.session.make_call(CallRequest("k1", "2999", "*43", 0.0))
        await link.until(lambda: link.asked("Hangup") and not link.server.calls.channels)

    with_link(site, act)


def test_a_link_that_is_lost_says_so_at_once(site: Site) -> None:
    site.ring_seconds = 60.0

    async def act(link: Link) -> None:
        making = asyncio.create_task(link.session.make_call(REQUEST))
        await link.until(lambda: link.server.calls.channels)
        link.server.drop_clients()
        with pytest.raises(LinkError):
            await making

    with_link(site, act)


def test_after_a_lost_link_the_next_session_knows_the_call_and_hangs_it_up(site: Site) -> None:
    async def act(link: Link) -> None:
        await link.session.make_call(REQUEST)
        await link.until(lambda: link.calls(Established))
        link.server.drop_clients()
        again = Collected()
        session = AmiSession(source(link.server.port, make_calls=True, full_boot_seconds=0.2), Stamp("pbx", "2"))
        running = asyncio.create_task(session.run(again))
        follower = Link(session, link.server, again)
        await link.until(lambda: follower.calls(Established))
        assert {(one.data.call_id, one.data.is_canary) for one in follower.calls()} == {(CALL, True)}
        await session.end_call(REQUEST.key)
        await link.until(lambda: follower.calls(ConnectionCleared) and not link.server.calls.channels)
        running.cancel()
        await asyncio.wait({running})

    with_link(site, act)


@pytest.mark.parametrize("number", ["4711,30,G(evil)", "4711\r\nAction: Hangup", "", "47 11", "4711@x", "x" * 65])
def test_a_number_cannot_add_anything_to_what_is_asked(site: Site, number: str) -> None:
    error, link = not_made(site, CallRequest("k1", "2999", number, 60.0))

    assert "number to call has a form that cannot be called" in str(error)
    assert link.asked("Originate") == []


@pytest.mark.parametrize("channel", ["Local/{extension}@from-internal", "{extension}", "PJSIP/{extension}&PJSIP/2001"])
def test_a_channel_that_may_reach_somebody_else_is_refused(site: Site, channel: str) -> None:
    error, link = not_made(site, canary_channel=channel)

    assert "channel of the test phone has a form" in str(error)
    assert link.asked("Originate") == []


def through_a_trunk(*, is_answered_first: bool) -> list[CallEvent]:
    """Play a canary call whose number leads outside; ``is_answered_first``: by an announcement before that."""
    pbx = FieldPbx(options={"preset": "freepbx"})
    phone = pbx.own_line("2999", None)
    phone.uid = phone.linked = CALL
    pbx.said.clear()
    pbx.says("Newchannel", block(phone))
    pbx.originates(phone, "2999")
    one, two = pbx.local("9555", "from-internal", phone)
    pbx.dials(phone, one, "9555@from-internal/n")
    if is_answered_first:
        pbx.answers(phone, one, "b1")
    outside = pbx.calls_out(two, phone)
    pbx.answers(two, outside, "b2")
    if not is_answered_first:
        pbx.answers(phone, one, "b1")
    pbx.over(b2=(two, outside), b1=(one, phone))
    return [one for one in play(pbx.data).events if isinstance(one, CallEvent) and not one.data.outside]


@pytest.mark.parametrize("is_answered_first", [True, False])
def test_a_number_that_leads_outside_is_one_leg_of_the_canarys_call(*, is_answered_first: bool) -> None:
    events = through_a_trunk(is_answered_first=is_answered_first)

    assert [type(one) for one in events if isinstance(one, Established | ConnectionCleared | Conferenced)] == [
        Established,
        ConnectionCleared,
    ]
    assert {(one.data.call_id, one.data.is_canary) for one in events} == {(CALL, True)}
    assert {one.data.device_id for one in events if isinstance(one, Established)} == {"2999"}


@pytest.mark.parametrize("does_ring", [True, False])
def test_a_link_that_is_closed_for_new_settings_leaves_no_call_behind(site: Site, *, does_ring: bool) -> None:
    site.ring_seconds = 60.0 if does_ring else 0.01

    async def act(link: Link) -> None:
        making = asyncio.create_task(link.session.make_call(REQUEST))
        await link.until(lambda: link.calls() if does_ring else link.calls(Established))
        link.running.cancel()
        await link.until(lambda: not link.server.calls.channels)
        making.cancel()
        await asyncio.wait({making})

    assert len(with_link(site, act).asked("Hangup")) == 1


def test_a_call_cannot_be_ended_before_what_lasts_is_known() -> None:
    with pytest.raises(LinkError):
        asyncio.run(AmiSession(source(), Stamp("pbx", "1")).end_call(REQUEST.key))
