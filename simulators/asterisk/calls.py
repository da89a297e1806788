"""The calls of a simulated Asterisk: a phone is called (Originate), answers, and dials a number behind a Local channel.

The order of events is that of an Asterisk 20, as tests/cti/ami/data/k-outbound.ami has it (one without Application).
"""

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from simulators.asterisk.messages import SimulatedChannel, event, in_bridge, shown

_DIAL = re.compile(r"Local/(?P<number>[^@]+)@(?P<context>[^/,]+)/n,(?P<seconds>\d+)")
#: OriginateResponse's Reason of a call that was answered.
ANSWERED = 4
RINGING = 3


@dataclass
class Site:
    """How the phones and the numbers of a simulated Asterisk behave. Durations in seconds.

    ``reason``: why the test phone is not reached (OriginateResponse's Reason); 4: it answers.
    """

    reason: int = ANSWERED
    ring_seconds: float = 0.2
    number_seconds: float = 0.2
    does_number_answer: bool = True
    may_originate: bool = True
    may_hang_up: bool = True
    #: Actions that get no answer, though they are carried out.
    silent: set[str] = field(default_factory=set)
    #: Events that this user does not get (an eventfilter).
    filtered: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _TestCall:
    phone: SimulatedChannel
    wires: tuple[SimulatedChannel, ...] = ()


class AsteriskCalls:
    """The channels, and the calls that clients had made. ``tap``: called as a conversation begins, and as it ends."""

    def __init__(
        self,
        site: Site,
        say: Callable[[bytes], None],
        now: Callable[[], datetime],
        tap: Callable[[str, str], None],
    ) -> None:
        self._site, self._say, self._now, self._tap = site, say, now, tap
        self._count = itertools.count()
        self._calls: dict[str, _TestCall] = {}

    @property
    def channels(self) -> list[SimulatedChannel]:
        """Return the channels that exist."""
        return [one for call in self._calls.values() for one in (call.phone, *call.wires)]

    async def originate(self, fields: dict[str, str]) -> None:
        """Carry out an Originate to its end, or until somebody hangs up."""
        serial = next(self._count)
        phone = self._channel(f"{fields['Channel']}-{serial:08x}", fields.get("ChannelId", ""), number=_peer(fields))
        call = self._calls[phone.name] = _TestCall(phone)
        self._said("Newchannel", shown(phone))
        self._said("DialBegin", shown(phone, "Dest"), {"DialString": _peer(fields)})
        is_reached = await self._rung(phone, float(fields.get("Timeout", 30_000)) / 1000)
        if phone.name not in self._calls:
            return
        reason = ANSWERED if is_reached else self._site.reason
        self._said("DialEnd", shown(phone, "Dest"), {"DialStatus": "ANSWER" if is_reached else "NOANSWER"})
        self._said("OriginateResponse", _outcome(fields, phone, reason))
        if is_reached:
            self._tap(phone.number, "connected")
            await self._dial(call, fields.get("Data", ""))
        else:
            self.hang_up(phone.name)

    async def _rung(self, phone: SimulatedChannel, timeout: float) -> bool:
        if self._site.reason not in (ANSWERED, RINGING):
            return False
        self._state(phone, 5)
        if self._site.reason == RINGING:
            await asyncio.sleep(timeout)
            return False
        await asyncio.sleep(self._site.ring_seconds)
        self._state(phone, 6)
        return True

    async def _dial(self, call: _TestCall, data: str) -> None:
        """Let the phone execute Dial: a Local channel, behind which the number is."""
        found = _DIAL.match(data)
        if found is None:
            self.hang_up(call.phone.name)
            return
        one, two = self._wires(call, found["number"], found["context"])
        call.phone.application, one.application = "Dial", "AppDial"
        self._said(
            "DialBegin", shown(call.phone), shown(one, "Dest"), {"DialString": f"{data.split(',', maxsplit=1)[0][6:]}"}
        )
        await asyncio.sleep(self._site.number_seconds)
        if not self._site.does_number_answer:
            await asyncio.sleep(float(found["seconds"]))
            self.hang_up(call.phone.name)
        elif call.phone.name in self._calls:
            self._connect(call.phone, one, two)

    def _wires(self, call: _TestCall, number: str, context: str) -> tuple[SimulatedChannel, SimulatedChannel]:
        stem, linked = f"Local/{number}@{context}-{next(self._count):08x}", call.phone.linked
        one = self._channel(f"{stem};1", linked=linked)
        two = self._channel(f"{stem};2", linked=linked, number=call.phone.number, exten=number, state=4)
        call.wires = (one, two)
        self._said("Newchannel", shown(one))
        self._said("Newchannel", shown(two))
        options: dict[str, object] = {"Context": context, "Exten": number, "LocalOptimization": "No"}
        self._said("LocalBridge", shown(one, "LocalOne"), shown(two, "LocalTwo"), options)
        return one, two

    def _connect(self, phone: SimulatedChannel, one: SimulatedChannel, two: SimulatedChannel) -> None:
        """The number answers: an announcement, so that the far half of the Local channel is in no bridge."""
        two.application, bridge = "Playback", f"bridge-{next(self._count)}"
        for channel in (two, one):
            self._state(channel, 6)
        self._said("DialEnd", shown(phone), shown(one, "Dest"), {"DialStatus": "ANSWER"})
        for channel in (one, phone):
            channel.bridge = bridge
            self._said("BridgeEnter", in_bridge(bridge), shown(channel))

    def hang_up(self, name: str) -> bool:
        """Hang up a phone's channel, and with it the call; say whether it existed."""
        call = self._calls.pop(name, None)
        if call is None:
            return False
        if call.phone.state == 6:
            self._tap(call.phone.number, "disconnected")
        for channel in (call.phone, *call.wires):
            if channel.bridge:
                self._said("BridgeLeave", in_bridge(channel.bridge), shown(channel))
        for channel in (*call.wires, call.phone):
            self._said("Hangup", shown(channel), {"Cause": 16, "Cause-txt": "Normal Clearing"})
        return True

    def _channel(self, name: str, uid: str = "", linked: str = "", **known: object) -> SimulatedChannel:
        uid = uid or f"{self._now().timestamp():.0f}.{next(self._count)}"
        return SimulatedChannel(name, uid, linked or uid, **known)  # type: ignore[arg-type]

    def _state(self, channel: SimulatedChannel, state: int) -> None:
        channel.state = state
        self._said("Newstate", shown(channel))

    def _said(self, name: str, *parts: dict[str, object]) -> None:
        if name not in self._site.filtered:
            self._say(event(name, self._now(), *parts))


def _peer(fields: dict[str, str]) -> str:
    return fields["Channel"].partition("/")[2]


def _outcome(fields: dict[str, str], phone: SimulatedChannel, reason: int) -> dict[str, object]:
    is_answered = reason == ANSWERED
    return {
        "ActionID": fields.get("ActionID", ""),
        "Response": "Success" if is_answered else "Failure",
        "Channel": phone.name if is_answered else fields["Channel"],
        "Context": "",
        "Exten": "",
        "Application": fields.get("Application", ""),
        "Data": fields.get("Data", ""),
        "Reason": reason,
        "Uniqueid": phone.uid if is_answered else "<null>",
        "CallerIDNum": phone.number,
        "CallerIDName": "Canary test call",
    }
