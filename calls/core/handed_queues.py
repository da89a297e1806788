"""Which queue a call has after a transfer of two calls, and after a conference."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from calls.core.call_facts import AFTER, is_called_from, is_dialled_by, known_at
from calls.core.origins import OriginRule, handed_on
from calls.core.state import CallState, TimedValue

_QUEUE = "queue_name"


def with_later_queue(target: CallState, olds: Sequence[CallState], host: str, at: datetime) -> CallState:
    """Let the resulting call be in the queue that the consultation was in, where that was named after the customer's.

    ``olds``: the customer's call first, as they were until the transfer ``at``. Example: 2001 has a call of Sales,
    consults the queue Support, whose agent answers, and hands the call on to that agent: they have it from Support.
    A call that another one dialled is another caller's. Where nothing says who dialled it, and each of the two has a
    queue, the resulting call has none.
    """
    main, *others = olds
    may_be_dialled = [call for call in others if not _is_of_another(main, call, host)]
    named = [(call, known_at(call.facts[_QUEUE], at)) for call in (main, *may_be_dialled) if _QUEUE in call.facts]
    known = [(call, one) for call, one in named if one is not None]
    if not known:
        return target
    call, latest = max(known, key=lambda both: _named_at(both[1]))
    if call is main:
        return target
    is_certain = _has_dialled(call, host) or all(one.value == latest.value for _, one in known)
    value = latest.value if is_certain else ""
    history = target.facts.get(_QUEUE, ())
    earlier, later = ([one for one in history if one.at <= at], [one for one in history if one.at > at + AFTER])
    handed = TimedValue(at + AFTER, value, handed_on(latest.origin))
    return replace(target, facts={**target.facts, _QUEUE: (*earlier, handed, *later)})


def queue_kept(main: CallState, other: CallState, host: str) -> tuple[str, ...]:
    """Return the queue as what a call keeps to itself in a conference with the customer's, if it may be a consultation.

    Who called without a queue has none because a queue was consulted about them.
    """
    return () if _is_of_another(main, other, host) else (_QUEUE,)


def _has_dialled(call: CallState, host: str) -> bool:
    """Say whether who joins a call had dialled it; so it had where nobody has answered it: no other phone is in it."""
    return is_dialled_by(call, host) or not any(one.had_leg for one in call.parties.values())


def _is_of_another(main: CallState, call: CallState, host: str) -> bool:
    """Say whether a call is known to be another caller's.

    Another phone has dialled it, it states another number, or no other phone than the host's is in it: that answered.
    """
    if _has_dialled(call, host):
        return False
    numbers = [one.value for one in call.facts.get("calling_number", ()) if one.value]
    is_numbered = bool(numbers) and not any(is_called_from(main, one) for one in numbers)
    others = [one for name, one in call.parties.items() if name != host and not one.outside]
    return is_numbered or not others or any(one.has_dialled for one in others)


def _named_at(queue: TimedValue) -> datetime:
    """Return when a queue was named: a transfer before this one may have handed it on since."""
    origin = queue.origin
    return origin.at if origin is not None and origin.rule is OriginRule.HANDED_ON else queue.at
