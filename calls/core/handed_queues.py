"""Which queue a call has after a transfer of two calls: the one that was named last in either."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from calls.core.call_facts import AFTER, is_dialled_by, known_at
from calls.core.origins import OriginRule, handed_on
from calls.core.state import CallState, TimedValue

_QUEUE = "queue_name"


def with_later_queue(target: CallState, olds: Sequence[CallState], host: str, at: datetime) -> CallState:
    """Let the resulting call be in the queue that the consultation was in, where that was named after the customer's.

    ``olds``: the customer's call first, as they were until the transfer ``at``. Example: 2001 has a call of Sales,
    consults the queue Support, whose agent answers, and hands the call on to that agent: they have it from Support.
    A call that ``host`` had not dialled is another caller's.
    """
    dialled = [call for call in olds[1:] if is_dialled_by(call, host)]
    named = [(call, known_at(call.facts[_QUEUE], at)) for call in (olds[0], *dialled) if _QUEUE in call.facts]
    known = [(call, one) for call, one in named if one is not None]
    if not known:
        return target
    call, latest = max(known, key=lambda both: _named_at(both[1]))
    if call is olds[0]:
        return target
    history = target.facts.get(_QUEUE, ())
    earlier, later = ([one for one in history if one.at <= at], [one for one in history if one.at > at + AFTER])
    handed = TimedValue(at + AFTER, latest.value, handed_on(latest.origin))
    return replace(target, facts={**target.facts, _QUEUE: (*earlier, handed, *later)})


def _named_at(queue: TimedValue) -> datetime:
    """Return when a queue was named: a transfer before this one may have handed it on since."""
    origin = queue.origin
    return origin.at if origin is not None and origin.rule is OriginRule.HANDED_ON else queue.at
