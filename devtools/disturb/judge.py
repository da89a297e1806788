"""Play a disturbed trace through decoder and core, and hold each flag against the truth of its recording.

A flag that is missing is no fault: it can be explained. A wrong one cannot be taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.core.matching import Directory, Instance, Listed
from calls.core.source_state import SiteSettings
from calls.transcript.replay import Recorded, Recorder, Replay, ReplayContext
from cti.events import Event, LinkLost, LinkRestored
from cti.sources.asterisk_ami.framing import AmiFrame
from cti.sources.asterisk_ami.messages import AmiMessageError, parse
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.asterisk_ami.session import SETTLE_SECONDS
from cti.sources.asterisk_ami.snapshot import ACTIONS, Lists, take
from cti.sources.asterisk_ami.values import EventTime
from cti.sources.port import SourceConfig, Stamp
from devtools.disturb.disturbances import Disturbed, DisturbedConnection
from devtools.disturb.trace import RecordedTrace, Truth

REST = timedelta(seconds=30)
Flags = dict[str, str]


@dataclass(frozen=True)
class Wrong:
    """A flag that a recording must never get."""

    guid: str
    flag: str
    value: str
    right: str


@dataclass
class DisturbanceJudge:
    """The truth of one trace: which recordings there are, and which flags each may have."""

    trace: RecordedTrace
    right: dict[str, Flags] = field(default_factory=dict)

    def learn(self, plain: Disturbed) -> list[Wrong]:
        """Take the flags of the undisturbed trace as right, after holding agents and queues against the truth."""
        self.right = dict(flags_of(self.trace, plain).items())
        return [wrong for guid, flags in self.right.items() for wrong in self._by_truth(guid, flags)]

    def wrong(self, disturbed: Disturbed) -> tuple[list[Wrong], int]:
        """Return the flags that are wrong, and how many recordings got none."""
        found = flags_of(self.trace, disturbed)
        faults = [one for guid, flags in found.items() for one in self._of(guid, flags)]
        return faults, len(self.right.keys() - found.keys())

    def _of(self, guid: str, flags: Flags) -> Iterator[Wrong]:
        yield from self._by_truth(guid, flags)
        right = self.right.get(guid, {})
        for name, value in flags.items():
            if name not in ("AgentName", "QueueName") and not self._may_be(name, value, guid, flags):
                yield Wrong(guid, name, value, right.get(name, ""))

    def _by_truth(self, guid: str, flags: Flags) -> Iterator[Wrong]:
        true = self.conversation(guid)
        queue = self._queue(true)
        for name, right in (("AgentName", true["agent_name"]), ("QueueName", queue)):
            if flags.get(name, right) != right:
                yield Wrong(guid, name, flags[name], right)

    def _queue(self, true: Truth) -> str:
        """Return the queue of a conversation: a customer who was handed on came from the queue of the one before."""
        if true["kind"] != "transferred":
            return true["queue"] or ""
        customers = _customers(true)
        earlier = [
            one for one in self.trace.truth["conversations"]
            if one["queue"] and one["from"] < true["from"] and _customers(one) & customers
        ]  # fmt: skip
        return max(earlier, key=lambda one: one["from"])["queue"] if earlier else ""

    def _may_be(self, name: str, value: str, guid: str, flags: Flags) -> bool:
        right = self.right.get(guid, {}).get(name, "")
        if value == right:
            return True
        if name == "CTI QueryData":
            return set(value.split("; ")) <= set(right.split("; "))
        is_internal = not _customers(self.conversation(guid))
        if name == "CTICallRef":
            return is_internal and value not in self._customers_calls()
        return name == "InteractionGuid" and is_internal and value == flags.get("CTICallRef")

    def _customers_calls(self) -> set[str]:
        return {uid for one in self.trace.truth["conversations"] for uid in _customers(one)}

    def conversation(self, guid: str) -> Truth:
        """Return the conversation that a recording is of."""
        found: Truth = self.trace.truth["conversations"][int(guid[1:]) - 1]
        return found


def _customers(true: Truth) -> set[str]:
    return {one["uniqueid"] for one in true["with"] if one["role"] == "customer"}


def flags_of(trace: RecordedTrace, disturbed: Disturbed) -> dict[str, Flags]:
    """Return the flags that each recording gets."""
    extensions = sorted({one["agent"] for one in trace.truth["conversations"]} | trace.truth["agents"].keys())
    users = [Listed(service_id=1, user_id=one, extension=one) for one in extensions]
    settings = SiteSettings(devices=frozenset(extensions), settle_seconds=0, has_source_times=False)
    context = ReplayContext(settings, Directory(users, [Instance(1)]))
    replay = Replay(context, Recorder(recordings=recordings(trace))).play(
        events_of(disturbed, trace.options), rest=REST
    )
    found: dict[str, Flags] = {}
    for leg in replay.legs:
        if leg.number in replay.flags:
            found.setdefault(leg.guid, {}).update(replay.flags[leg.number])
    return found


def recordings(trace: RecordedTrace) -> tuple[Recorded, ...]:
    """Let QMS make a recording of each conversation."""
    return tuple(
        Recorded(guid=f"G{number}", extension=one["agent"], began=_moment(one["from"]), ended=_moment(one["to"]))
        for number, one in enumerate(trace.truth["conversations"], 1)
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def events_of(disturbed: Disturbed, options: dict[str, Any]) -> list[Any]:
    """Return what the source reports over all its connections, and what its listener reports about the link."""
    config = SourceConfig(slug="pbx", kind="asterisk_ami", options=options)
    events: list[Event] = []
    for number, connection in enumerate(disturbed.connections):
        stamp = Stamp("pbx", f"c{number}")
        if number:
            events.append(stamp.link(LinkRestored, received=connection.began))
        events += _connected(connection, config, stamp)
        if connection.lost_at is not None:
            events.append(stamp.link(LinkLost, received=connection.lost_at))
    return events


def _connected(connection: DisturbedConnection, config: SourceConfig, stamp: Stamp) -> list[Event]:
    pbx = PbxState(config, stamp)
    reader, lists, now = Reader(pbx), Lists(complete=set(ACTIONS)), connection.began
    for raw in connection.answers:
        if (item := parse(raw)).get("Event"):
            lists.add(item)
    take(pbx, lists, EventTime(now, now))
    for sent in connection.messages:
        now = _waited(pbx, now, sent.at)
        _hear(pbx, reader, sent.raw, now)
    _waited(pbx, now, connection.lost_at or now + REST)
    if connection.is_closed:
        pbx.settle(connection.lost_at or now)
    return pbx.taken()


def _waited(pbx: PbxState, now: datetime, until: datetime) -> datetime:
    """Let time pass as a session does: it looks at what waits at an interval."""
    while pbx.is_waiting and until - now > timedelta(seconds=SETTLE_SECONDS):
        now += timedelta(seconds=SETTLE_SECONDS)
        pbx.wait(now)
    return max(now, until)


def _hear(pbx: PbxState, reader: Reader, raw: bytes, now: datetime) -> None:
    heard = reader.heard(AmiFrame(raw, 0))
    if isinstance(heard, Heard):
        try:
            pbx.hear(heard.message, now)
        except AmiMessageError:
            return
