"""What is done to a trace: the link is cut and comes back, or one event is lost, doubled, late or overtaken."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cti.sources.asterisk_ami.messages import event_name
from devtools.disturb.pbx_model import PbxModel
from devtools.disturb.trace import RecordedTrace, Sent

#: Interval between cuts, and how long each cut lasts, in seconds.
CUT_INTERVAL = 0.1
CUT_LENGTHS = (0.2, 0.5, 2.0, 5.0)
DELAY = timedelta(milliseconds=150)


@dataclass(frozen=True)
class DisturbedConnection:
    """One connection of the gateway: what its snapshot shows, and the messages that reach it.

    ``lost_at``: when the link went; None at the end of the trace. ``is_closed``: the PBX closed it, so that the
    session ends in an orderly way; else it broke.
    """

    began: datetime
    answers: tuple[bytes, ...]
    messages: tuple[Sent, ...]
    lost_at: datetime | None = None
    is_closed: bool = True


@dataclass(frozen=True)
class Disturbed:
    """A trace as the gateway gets it, and what was done to it."""

    name: str
    connections: tuple[DisturbedConnection, ...]


def undisturbed(trace: RecordedTrace) -> Disturbed:
    """Return a trace as it was recorded."""
    return Disturbed("undisturbed", (_whole(trace, trace.messages),))


def disturbed(trace: RecordedTrace, is_heard: frozenset[str]) -> Iterator[Disturbed]:
    """Yield a trace with each disturbance. ``is_heard``: the events that the decoder reads at all."""
    yield from _cuts(trace)
    for place, one in enumerate(trace.messages):
        if event_name(one.raw) in is_heard:
            yield from _around(trace, place)


def _whole(trace: RecordedTrace, messages: tuple[Sent, ...]) -> DisturbedConnection:
    return DisturbedConnection(trace.began, trace.answers, messages)


def _cuts(trace: RecordedTrace) -> Iterator[Disturbed]:
    steps = int(trace.seconds / CUT_INTERVAL) + 1
    shown = _snapshots(trace, steps + int(max(CUT_LENGTHS) / CUT_INTERVAL) + 1)
    for step in range(1, steps):
        for length in CUT_LENGTHS:
            back = step + round(length / CUT_INTERVAL)
            yield _cut(trace, step, back, shown[back])


def _cut(trace: RecordedTrace, step: int, back: int, answers: tuple[bytes, ...]) -> Disturbed:
    lost, again = trace.since(step * CUT_INTERVAL), trace.since(back * CUT_INTERVAL)
    before = tuple(one for one in trace.messages if one.at < lost)
    after = tuple(one for one in trace.messages if one.at >= again)
    first = DisturbedConnection(trace.began, trace.answers, before, lost_at=lost, is_closed=step % 2 == 0)
    name = f"cut after {step * CUT_INTERVAL:.1f} s for {(back - step) * CUT_INTERVAL:.1f} s"
    return Disturbed(name, (first, DisturbedConnection(again, answers, after)))


def _snapshots(trace: RecordedTrace, count: int) -> list[tuple[bytes, ...]]:
    """Return what the PBX would answer at each step."""
    model, found, place = PbxModel(trace.answers), [], 0
    for step in range(count):
        until = trace.since(step * CUT_INTERVAL)
        while place < len(trace.messages) and trace.messages[place].at < until:
            model.hear(trace.messages[place].raw)
            place += 1
        found.append(tuple(model.answers()))
    return found


def _around(trace: RecordedTrace, place: int) -> Iterator[Disturbed]:
    """Disturb one event. What is late or overtaken keeps the PBX's own time."""
    all_ = trace.messages
    one, before, after = all_[place], all_[:place], all_[place + 1 :]
    label = f"{event_name(one.raw)} at message {place}"
    yield Disturbed(f"{label} dropped", (_whole(trace, before + after),))
    yield Disturbed(f"{label} doubled", (_whole(trace, (*before, one, one, *after)),))
    late = Sent(one.raw, one.at + DELAY)
    sooner = tuple(other for other in after if other.at < late.at)
    yield Disturbed(f"{label} delayed", (_whole(trace, (*before, *sooner, late, *after[len(sooner) :])),))
    if after:
        swapped = (*before, Sent(after[0].raw, one.at), Sent(one.raw, after[0].at), *after[1:])
        yield Disturbed(f"{label} swapped with the next", (_whole(trace, swapped),))
