"""Which flags of a recording are right, and what excuses a missing one.

The reasoning. An observer has only the stream of reported events and QMS's answers. Two worlds that give the same
stream and answers must give the same flags; so a flag may be demanded only where every world with this stream agrees.
Where the worlds differ, a flag that is written is right in one of them and wrong in another: the truth of this world
then decides whether it was wrong, and a missing one is excused. Three duties follow:

required: every world with this stream agrees, and nothing was late or failed. A missing flag is a failure.
counted:  an attentive person with the stream could know it, but with a fault or a doubt near by. A missing flag is no
          failure; it is counted as the cost of caution.
excused:  nobody could know it (the event was lost, QMS never named the recording). A missing flag says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import floor
from typing import Literal

from msgspec import Struct

from .connected_spans import Replay, Stay
from .stated import EPSILON, caller_of, queue_of
from .world import Before, Said, Truth, World

Duty = Literal["required", "counted", "excused"]
RANK: dict[Duty, int] = {"required": 0, "counted": 1, "excused": 2}
ON_TIME = 0.1
#: A link that stalls may hold an event back for as long, in seconds; the clocks of QMS and the source may be this far
#: apart.
STALL, BESIDE = 7.0, 1.0
ENDS = ("ConnectionCleared", "CallCleared", "Transferred", "Conferenced", "Diverted")


class Right(Struct):
    """Hold what is right for one flag: each value that is right, and whether it has to be there.

    `parts`: the value is right when it contains these texts, for flags whose layout the design leaves open.
    `own`: a value of the gateway's own making is right as long as it stands for this contact alone.
    """

    values: tuple[str, ...] = ()
    duty: Duty = "excused"
    parts: tuple[str, ...] = ()
    own: bool = False


class Expected(Struct):
    """Hold what is right for one recording; a flag that is not in `flags` must not be there."""

    truth: Truth
    flags: dict[str, Right]
    duty: Duty
    reasons: tuple[str, ...]
    joined_late: bool


def overlaps(a: float, b: float, span: tuple[float, ...] | None) -> bool:
    """Say whether [a, b] and a span touch."""
    return span is not None and a <= span[1] and b >= span[0]


class Stream:
    """Index a world's events once for all its recordings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_call: dict[int, list[Said]] = {}
        self.by_group: dict[int, list[Said]] = {}
        for one in sorted(world.said, key=lambda x: x.event.at):
            if one.call:
                self.by_call.setdefault(one.call, []).append(one)
            self.by_group.setdefault(one.group, []).append(one)
        self.lives = {x.key: x for x in world.lives}
        self.late = _late_events(world)
        self._stays = Replay(world.site.devices).run(world.said) if world.timeless else []
        self.interactions = {t.interaction for t in world.truths}
        for one in world.said:
            self.interactions.add(str(one.event.data.get("interactionId", "")))

    def same(self, reported: float, true: float) -> bool:
        """Say whether a reported time is that of a true moment."""
        return reported == floor(true) if self.world.whole_seconds else abs(reported - true) < EPSILON

    def stays(self, phone: str) -> list[Stay]:
        """Return the conversations at a phone."""
        return [x for x in self._stays if x.phone == phone]

    def of(self, calls: Iterable[int]) -> list[Said]:
        """Return all events of these incarnations, by time."""
        rows = [x for key in dict.fromkeys(calls) for x in self.by_call.get(key, ())]
        return sorted(rows, key=lambda x: x.event.at)


def _late_events(world: World) -> list[Said]:
    """Return the reported events that were late when first heard; a repeat makes nothing late."""
    first: dict[tuple[object, ...], Said] = {}
    for one in world.said:
        event = one.event
        key = (one.call, event.type, event.at, event.data.get("deviceId"), event.data.get("agentId"))
        if not one.lost and (key not in first or event.heard < first[key].event.heard):
            first[key] = one
    return [x for x in first.values() if x.event.heard - x.event.at > ON_TIME]


def start_events(stream: Stream, truth: Truth) -> list[Said]:
    """Return the reported events that connect the recording's leg."""
    calls = truth.calls + (truth.before.calls if truth.before else ())
    wanted = ("Transferred", "Conferenced") if truth.born == "transfer" else ("Established",)
    near = [x for x in stream.of(calls) if stream.same(x.event.at, truth.leg_start) and x.event.type in wanted]
    # A snapshot's Established is no start: who is first seen there has joined late.
    return [x for x in near if not x.lost and "gap-" not in x.event.id]


def named(world: World, truth: Truth, asked: float, since: float) -> Duty:
    """Say how surely QMS names this recording to one who asks at once and then at each interval.

    QMS names a recording for its window after it began.

    required: it lives, with room for the answer, at one of these questions, and the first of them was on time. counted:
    so, but late or of a slow QMS. excused: no question at this pace within the window could have named it.
    """
    qms = world.qms
    # By a clock of whole seconds the conversation is over up to a second too early.
    until = min(since + qms.window_seconds, floor(truth.end) if world.whole_seconds else truth.end)
    until = min(until, truth.start + qms.window_seconds)
    ask, sure, hit = asked, False, False
    while ask < until and not sure:
        done = ask + qms.answer_seconds + 0.02
        away = any(overlaps(ask, done, x) for x in qms.away)
        slow = any(overlaps(ask, done, x) for x in qms.slow)
        live = ask >= truth.start and done <= until
        sure, hit = live and not away and not slow, hit or (live and not away)
        ask += qms.interval_seconds
    if sure and asked - since <= ON_TIME:
        return "required"
    return "counted" if sure or hit else "excused"


def decided(stream: Stream, truth: Truth) -> bool:
    """Say whether QMS can have named the same recording after the transfer over which it went on.

    Only a positive answer decides. Where none can have come, the stream is that of a world in which QMS began again
    with the transfer, and there the consultation's data are right for the first part.
    """
    if truth.before is None:
        return True
    moves = [x for x in stream.of(truth.calls) if x.event.type in ("Transferred", "Conferenced")]
    moves = [x for x in moves if not x.lost and stream.same(x.event.at, truth.before.at)]
    if not moves:
        return False
    asked = min(x.event.heard for x in moves)
    return named(stream.world, truth, asked, truth.before.at) == "required"


def _may_go_on(stream: Stream, truth: Truth) -> bool:
    """Say whether a recording that ended with a transfer to its phone may have gone on, as far as anybody knows.

    Only a positive answer decides: QMS names another recording there after the transfer.
    """
    ends = [x for x in stream.by_group[truth.group] if x.event.type == "Transferred" and not x.lost]
    ends = [x for x in ends if x.event.data.get("transferredToDeviceId") == truth.extension]
    ends = [x for x in ends if stream.same(x.event.at, truth.leg_end)]
    if not ends or truth.before is not None:
        return False
    asked = min(x.event.heard for x in ends)
    later = [x for x in stream.world.truths if x.extension == truth.extension and x.born == "transfer"]
    later = [x for x in later if abs(x.leg_start - truth.leg_end) < EPSILON]
    return all(named(stream.world, x, asked, x.leg_start) != "required" for x in later)


def excuses(stream: Stream, truth: Truth) -> tuple[Duty, list[str]]:
    """Return what a careful observer owes for this recording, and why no more."""
    world, why, starts = stream.world, list[str](), start_events(stream, truth)
    if truth.born in ("retrieve", "anew"):
        return "excused", ["QMS began again within a conversation, where the leg goes on with its first recording"]
    if truth.guid in world.qms.refuses:
        return "excused", ["QMS refuses to write to it"]
    if not starts:
        return "excused", ["its beginning was not reported"]
    asked = min(x.event.heard for x in starts)
    duty = named(world, truth, asked, truth.leg_start)
    if duty != "required":
        return duty, ["QMS could not name it in time" if duty == "excused" else "QMS could barely name it in time"]
    why += [truth.doubt] if truth.doubt else []
    why += [truth.whole_doubt] if truth.whole_doubt and world.whole_seconds else []
    # Named at once, while its leg alone was connected there, a recording is that leg's; later calls change nothing.
    blind = any(overlaps(truth.leg_start, truth.leg_start + world.qms.window_seconds, x) for x in world.qms.away)
    why += ["another call was at the phone"] if truth.crowded or (truth.shared and blind) else []
    # A gap since the call's first event leaves open whether its id is still the same call's.
    began = min(x.event.at for x in stream.by_group[truth.group]) - 5
    why += ["the link was lost meanwhile"] if overlaps(began, truth.leg_end + 2, world.gap) else []
    why += ["an event was late"] if _late(stream, truth) else []
    why += ["the id's last life ended without a word"] if _after_silence(stream, truth) else []
    why += ["another conversation may have been reported late"] if _is_followed(stream, truth) else []
    why += ["an end of its id came within a second"] if _is_near_an_end(stream, truth) else []
    why += ["the transfer could not be decided"] if not decided(stream, truth) else []
    why += ["nobody knows whether it went on over the transfer"] if _may_go_on(stream, truth) else []
    why += ["QMS failed"] if world.qms.slow or world.qms.late_writes else []
    return ("counted" if why else "required"), why


def _late(stream: Stream, truth: Truth) -> bool:
    """Say whether an event near by was late: of its own calls, of another life of their ids, or at its phone."""
    ids = {stream.lives[x].id for x in truth.kin}
    for one in stream.late:
        event = one.event
        related = one.group == truth.group or (one.call in stream.lives and stream.lives[one.call].id in ids)
        if related or event.data.get("deviceId") == truth.extension:
            return True
    return False


def _is_followed(stream: Stream, truth: Truth) -> bool:
    """Say whether another conversation began at the phone soon, of a source that does not say when.

    The recording may then be the other's: a link that stalls for some seconds reports both late, and gives the same
    stream.
    """
    if not stream.world.timeless:
        return False
    since, until = truth.leg_start - BESIDE, truth.start + STALL
    return any(since <= x.start <= until and x.start != truth.leg_start for x in stream.stays(truth.extension))


def _is_near_an_end(stream: Stream, truth: Truth) -> bool:
    """Say whether an end of its id came within a second of its or its call's beginning, of a source that says no times.

    Monitors may overtake each other by so much: where the end was that of the id's life before, the stream is the same.
    """
    ids = {stream.lives[x].id for x in truth.calls} if stream.world.timeless else set()
    keys = [key for key, life in stream.lives.items() if life.id in ids]
    begun = {truth.leg_start, *(stream.lives[x].start for x in truth.calls)}
    ends = (x.event.at for x in stream.of(keys) if x.event.type in ENDS and not x.lost)
    return any(abs(end - moment) <= BESIDE for end in ends for moment in begun)


def _after_silence(stream: Stream, truth: Truth) -> bool:
    ids = {stream.lives[x].id for x in truth.calls}
    return any(x.silent and x.id in ids and x.end <= truth.leg_end for x in stream.world.lives)


def _agent(stream: Stream, truth: Truth, duty: Duty) -> dict[str, Right]:
    if not truth.agent:
        return {}
    sure = duty if truth.seat_sure else "excused"
    reported = [x for x in stream.by_group.get(0, ()) if x.event.data.get("agentId") == truth.agent and not x.lost]
    sure = sure if any(x.event.type == "LoggedOn" and x.event.heard <= truth.leg_start for x in reported) else "excused"
    sure = max(sure, "counted", key=RANK.__getitem__) if _changes_as_answered(stream, truth) else sure
    word = any(
        x.event.data.get("agentId") == truth.agent and x.event.data["deviceId"] == truth.extension
        for x in start_events(stream, truth)
        if x.event.type == "Established"
    )
    # Without a log-on, or with two, only the PBX's own word that this device answered for this agent names one.
    spoken: Duty = max(duty, "counted", key=RANK.__getitem__) if word else "excused"
    rows = {"AgentId": Right((truth.agent,), min(sure, spoken, key=RANK.__getitem__))}
    if truth.agent_name:
        rows["AgentName"] = Right((truth.agent_name,), sure)
    return rows


def _changes_as_answered(stream: Stream, truth: Truth) -> bool:
    """Say whether an agent comes or leaves, as is heard after the answer of the same whole second.

    Monitors may overtake each other by so much: where that was before the answer, the stream is the same. So it is,
    within a second, with an agent who comes to another phone, of a source that does not say when.
    """
    if stream.world.timeless:
        return _moves_as_answered(stream, truth)
    seats = [x.event for x in stream.by_group.get(0, ()) if not x.lost and x.event.type in ("LoggedOn", "LoggedOff")]
    seats = [x for x in seats if truth.agent == x.data.get("agentId") or truth.extension == x.data.get("deviceId")]
    now = (x for x in seats if x.at == floor(truth.leg_start) and x.heard > truth.leg_start)
    return stream.world.whole_seconds and any(now)


def _moves_as_answered(stream: Stream, truth: Truth) -> bool:
    """Say whether its agent is heard to be at another phone within a second after the answer."""
    answered = min((x.event.heard for x in start_events(stream, truth)), default=truth.leg_start)
    seats = [x.event for x in stream.by_group.get(0, ()) if not x.lost and x.event.type == "LoggedOn"]
    moves = [x for x in seats if x.data["agentId"] == truth.agent and x.data["deviceId"] != truth.extension]
    return any(0 <= x.heard - answered <= BESIDE for x in moves)


def _interaction(stream: Stream, truth: Truth, calls: tuple[int, ...], duty: Duty) -> Right:
    near = [x for x in stream.of(truth.kin) if not x.lost and x.event.at <= truth.leg_end + EPSILON]
    own = [x for x in near if x.call in calls]
    reported = any(x.event.data.get("interactionId") for x in (near if _consults(near, own) else own))
    # A gateway that leaves an event unattributed for a good reason makes an id of its own; that is no wrong word.
    return Right((truth.interaction,), duty if reported else "excused", own=not reported or duty != "required")


def _consults(near: list[Said], own: list[Said]) -> bool:
    """Say whether it was reported that the device which dialled this call held another of the same contact."""
    if not own:
        return False
    dialled = {x.event.data["deviceId"]: x.event.at for x in own if x.event.type == "Originated"}
    return any(
        x.event.type == "Held" and x.call != own[0].call and x.event.at <= dialled.get(x.event.data["deviceId"], -1e9)
        for x in near
    )


def _late_facts(stream: Stream, truth: Truth, duty: Duty) -> dict[str, Right]:
    """Return wrap-up and query data.

    CallInformation needs no device. Where the id came back before it came, and it names neither device nor
    interaction, it may be of either life: nobody can know, so it is excused for both, and wrong for the other. So may
    it where the id can have come back in a gap.
    """
    rows = {}
    reported = [x for x in stream.of(truth.calls) if x.event.type == "CallInformation" and not x.lost]
    for flag, text, member in (("CTIWrapup", truth.wrapup, "wrapup"), ("QueryData", truth.query, "queryData")):
        events = [x for x in reported if text and text in str(x.event.data.get(member))]
        if text:
            owned = bool(events) and all(_is_owned(stream, truth, x) for x in events)
            alone = owned and not _is_after_gap(stream, truth, events)
            rows[flag] = Right(parts=(text,), duty=duty if alone else "excused")
    return rows


def _is_owned(stream: Stream, truth: Truth, one: Said) -> bool:
    """Say whether a report after a conversation can be of no other life of its id."""
    lives = [x for x in stream.world.lives if x.id == one.event.data["callId"]]
    return all(x.contact == truth.contact for x in lives)


def expected_of(stream: Stream, truth: Truth) -> Expected:
    """Say what is right for one recording."""
    duty, why = excuses(stream, truth)
    flags = _agent(stream, truth, duty)
    calls, refs = truth.calls, list(truth.refs)
    before = truth.before if truth.before and not decided(stream, truth) else None
    open_calls = calls + (before.calls if before else ())
    touched = overlaps(truth.leg_start, truth.leg_end, stream.world.gap)
    refs += before.refs if before else ()
    # What the gap swallowed may be the change of the id: as far as anybody knows the leg closed under an older one.
    refs += [stream.lives[x].id for x in open_calls] if touched else []
    flags["CTICallRef"] = Right(tuple(dict.fromkeys(refs)), duty)
    flags["InteractionGuid"] = _interaction(stream, truth, calls, duty)
    for flag, value_of in (("CallerName", caller_of), ("QueueName", queue_of)):
        events = stream.of(calls)
        known = value_of([x for x in events if not x.lost], truth.leg_end)
        values = {known, value_of(events, truth.leg_end), *([_first(value_of, stream, before)] if before else [])}
        values |= {value_of(_unmoved(stream, truth), truth.leg_end)}
        undecided = duty if before is None else "excused"
        if values - {""}:
            flags[flag] = Right(tuple(sorted(values - {""})), undecided if known else "excused")
    flags |= _late_facts(stream, truth, duty)
    return Expected(truth, flags, duty, tuple(why), not start_events(stream, truth))


def _is_after_gap(stream: Stream, truth: Truth, events: list[Said]) -> bool:
    """Say whether the link was lost before what was reported of a conversation later, without its interaction.

    The id may have lived in the gap: a world in which it did, and in which the report is of that life, gives the same
    stream. A report of before the gap is awaited as long as a wrap-up is.
    """
    first, heard = min(x.event.heard for x in events), max(x.event.heard for x in events)
    named = all(x.event.data.get("interactionId") for x in events)
    since = min(truth.leg_end, first - stream.world.site.wrapup_wait_seconds)
    return not named and overlaps(since, heard, stream.world.gap)


def _unmoved(stream: Stream, truth: Truth) -> list[Said]:
    """Return what was heard of the other parts of its ids, where the move that brought its call there was lost.

    As far as anybody knows the consultation went on, with the caller that it stated.
    """
    moves = [x for x in stream.of(truth.calls) if x.event.type in ("Transferred", "Conferenced")]
    if not any(x.lost for x in moves):
        return []
    keys = [key for key in truth.kin if stream.lives[key].id in truth.refs]
    return [x for x in stream.of((*truth.calls, *keys)) if not x.lost]


def _first(value_of: Callable[[Iterable[Said], float], str], stream: Stream, before: Before) -> str:
    """Return the value that was right until a transfer."""
    return value_of([x for x in stream.of(before.calls) if not x.lost], before.at)


def expectations(world: World) -> list[Expected]:
    """Say what is right for every recording of a world."""
    stream = Stream(world)
    return [expected_of(stream, x) for x in world.truths]
