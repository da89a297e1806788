"""Calls that the gateway has the PBX make (canary calls): Originate, what became of it, Hangup.

The test phone is called, and its channel executes ``Dial(Local/NUMBER@CONTEXT/n)``: it enters a bridge as in any call,
also where the number is an announcement (Playback, Echo), with which a phone alone would be in no bridge. The gateway
chooses the channel's Uniqueid (``ChannelId``) by the request, so that its events are known as the canary's from the
first one on and it can be hung up, also by the session that follows on a link that was lost. What nobody hangs up the
PBX itself ends: ``Timeout`` bounds the ringing, ``S`` the call.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from cti.sources.asterisk_ami import rights
from cti.sources.asterisk_ami.answers import AmiAnswer
from cti.sources.asterisk_ami.messages import AmiMessage
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.values import CANARY_CHANNEL
from cti.sources.port import CallNotMade, CallRequest, LinkError, SourceConfig

log = structlog.get_logger()

#: Maximum duration for which the test phone rings, in seconds; then the PBX gives up by itself.
RING_SECONDS = 10
#: Maximum duration until the number answers, in seconds.
DIAL_SECONDS = 20
#: Maximum time for the PBX to take an action, in seconds: what waits for the call waits no longer.
ANSWER_SECONDS = 5.0
#: Maximum time for the PBX to say what became of the call, beyond the ringing, in seconds.
OUTCOME_SECONDS = 3.0
#: Maximum number of calls that were ended before they began, and are hung up where the PBX makes them all the same.
MAXIMUM_GIVEN_UP = 40
_TEXT = re.compile(r"[A-Za-z0-9_.*#+-]{1,64}")
_CHANNEL = re.compile(r"(?!Local/)[A-Za-z0-9]{1,32}/[A-Za-z0-9_.@:*#+-]{1,160}")
ANSWER_TODO = "Have the test phone answer by itself (auto-answer), and keep its do-not-disturb off."
REGISTER_TODO = (
    "Register the test phone, and see that the option canary_channel of the source names its channel, such as "
    "PJSIP/{extension}."
)
#: What the Reason of OriginateResponse means (the last control frame of the called channel), and what to do.
REASONS = {
    "0": ("it cannot reach the test phone", REGISTER_TODO),
    "1": ("the test phone did not take the call", ANSWER_TODO),
    "3": ("the test phone rang and was not answered", ANSWER_TODO),
    "5": ("the test phone was busy", "Keep the test extension for the canary alone."),
    "8": ("the test phone is not available", REGISTER_TODO),
}
NOT_ALLOWED = 'Switch on "Allow canary calls" in the settings of the source, or choose events alone.'


class Send(Protocol):
    """Sends an action."""

    def __call__(self, action: str, **fields: str) -> AmiAnswer: ...


class OriginatedCalls:
    """The calls that were made over one link."""

    def __init__(self, config: SourceConfig, pbx: PbxState, send: Send, forget: Callable[[AmiAnswer], None]) -> None:
        self._config, self._pbx, self._options, self._send, self._forget = config, pbx, pbx.options, send, forget
        #: Keys of the calls that were asked for, as far as nobody has ended them.
        self._open: set[str] = set()
        self._given_up: deque[str] = deque(maxlen=MAXIMUM_GIVEN_UP)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[AmiAnswer] = set()
        self._is_closed = False

    async def make(self, request: CallRequest) -> str:
        """Have the test phone called, and return the call's id when it has answered.

        Raises ``CallNotMade``, or ``LinkError`` where the link ends meanwhile.
        """
        fields = self._fields(request)
        if any(one.device == request.extension for one in self._pbx.channel_table.channels.values()):
            todo = "Keep the test extension for the canary alone."
            raise CallNotMade("The phone was busy: another call is at the test extension.", todo)
        is_made = False
        self._open.add(request.key)
        try:
            await self._asked(fields)
            is_made = True
        finally:
            if not is_made and not self._is_closed:
                self._spawn(self.end(request.key))
        self._spawn(self._end_after(request.key, request.seconds))
        return _channel_id(request.key)

    async def end(self, key: str) -> None:
        """Hang up the test phone, now or as the PBX calls it; the PBX then hangs up the other end."""
        channel = self._pbx.channel_table.channels.get(_channel_id(key))
        if channel is None and key in self._open:
            self._given_up.append(_channel_id(key))
        self._open.discard(key)
        if channel is not None:
            await self._hang_up(channel.name)

    def hear(self, message: AmiMessage) -> None:
        """Hang up a call that was ended or given up, and that the PBX made all the same."""
        if self._given_up and message.get("Event") == "Newchannel" and message.last("Uniqueid") in self._given_up:
            self._spawn(self._hang_up(message.get("Channel")))

    def close(self) -> None:
        """Hang up what still lasts, where the link still takes it, and stop all that waits."""
        self._is_closed = True
        known = self._pbx.channel_table.channels
        for channel in filter(None, [known.get(_channel_id(key)) for key in self._open]):
            self._send("Hangup", Channel=channel.name, Cause="16")
        for task in self._tasks:
            task.cancel()
        for answer in self._waiting:
            answer.lose()

    def _fields(self, request: CallRequest) -> dict[str, str]:
        """Return the action's fields; what an administrator entered cannot add another, or another option of Dial."""
        options = self._options
        if not options.make_calls:
            raise CallNotMade("The settings of the source do not allow canary calls: nothing was asked.", NOT_ALLOWED)
        channel = options.canary_channel.replace("{extension}", request.extension)
        for name, value, pattern in (
            ("request", request.key, _TEXT),
            ("number to call", request.destination, _TEXT),
            ("context of the number", options.canary_context, _TEXT),
            ("channel of the test phone", channel, _CHANNEL),
        ):
            if not pattern.fullmatch(value):
                text = f"The canary's {name} has a form that cannot be called: nothing was asked."
                raise CallNotMade(text, "Correct it in the settings of the source.")
        return _originate(channel, request, options.canary_context)

    async def _asked(self, fields: dict[str, str]) -> None:
        answer = self._send("Originate", **fields)
        try:
            await self._until(answer, answer.done, min(self._options.timeout_seconds, ANSWER_SECONDS))
            if not answer.is_success:
                raise self._refused(answer)
            await self._until(answer, answer.has_outcome, RING_SECONDS + OUTCOME_SECONDS)
        except TimeoutError as error:
            raise _unanswered(answer) from error
        finally:
            self._forget(answer)
        if answer.outcome is None or answer.outcome.get("Response") != "Success":
            raise _failed(answer.outcome)

    async def _until(self, answer: AmiAnswer, event: asyncio.Event, seconds: float) -> None:
        self._waiting.add(answer)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        finally:
            self._waiting.discard(answer)
        if self._is_closed:
            raise LinkError("the link ended before the PBX answered")

    def _refused(self, answer: AmiAnswer) -> CallNotMade:
        if rights.is_denied(answer.response):
            text = "The PBX refused Originate: its user for the gateway may not make calls (Permission denied)."
            return CallNotMade(text, rights.originate_remedy(self._config.username))
        text = f"The PBX refused Originate: {answer.reason or 'no reason given'}."
        return CallNotMade(text, "See in the PBX why; the channel, the context and the number stand in the settings.")

    async def _hang_up(self, channel: str) -> None:
        answer = self._send("Hangup", Channel=channel, Cause="16")
        try:
            await self._until(answer, answer.done, ANSWER_SECONDS)
        except (TimeoutError, LinkError):
            log.info("ami_call_not_hung_up", source=self._config.slug, reason="no answer")
        finally:
            self._forget(answer)
        if answer.response is not None and not answer.is_success:
            log.info("ami_call_not_hung_up", source=self._config.slug, reason=answer.reason)

    async def _end_after(self, key: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.end(key)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _channel_id(key: str) -> str:
    return f"{CANARY_CHANNEL}{key}"


def _originate(channel: str, request: CallRequest, context: str) -> dict[str, str]:
    return {
        "Channel": channel,
        "ChannelId": _channel_id(request.key),
        "Application": "Dial",
        "Data": f"Local/{request.destination}@{context}/n,{DIAL_SECONDS},S({request.seconds:.0f})",
        "Timeout": str(RING_SECONDS * 1000),
        "CallerID": f'"Canary test call" <{request.extension}>',
        "Async": "true",
    }


def _unanswered(answer: AmiAnswer) -> CallNotMade:
    if answer.response is None:
        return CallNotMade("The PBX did not answer Originate in time.", "See on the PBX whether its AMI works.")
    text = "The PBX took Originate, and did not say in time what became of it (OriginateResponse)."
    return CallNotMade(text, "Give the gateway's user read = call, and let no eventfilter drop OriginateResponse.")


def _failed(outcome: AmiMessage | None) -> CallNotMade:
    """Say in words why the test phone was not reached; the PBX's own code stays in the text."""
    code = outcome.get("Reason") if outcome is not None else ""
    said, todo = REASONS.get(code, ("it does not say why", REGISTER_TODO))
    return CallNotMade(f"The PBX did not make the call: {said} (reason {code or 'not given'}).", todo)
