"""What a call's events say about it, kept so that their order does not matter: the latest by the source's time wins."""

from datetime import datetime, timedelta
from operator import attrgetter

from msgspec.structs import replace

from calls.core.origins import Origin, handed_on
from calls.core.state import CallState, LegData, TimedValue
from cti.events import QUEUE_CLEARED, CallData, CallEvent

#: Older values than this, counted back from the newest, are forgotten (one is kept).
MEMORY = timedelta(seconds=2)
#: What a call hands on at a transfer is known in the resulting call from this long after it.
AFTER = timedelta(microseconds=1)
QUERY = "query:"
#: The interaction of the call that a consultation is about, where the consultation has none of its own.
INHERITED = "inherited"
_PLAIN = ("interaction_id", "queue_name", "calling_number", "called_number", "direction")
_plain = attrgetter(*_PLAIN)


def reported_facts(data: CallData) -> dict[str, str]:
    """Return the facts that an event carries; empty values and personal names are left out (rule 6).

    Leaving a queue unanswered is a fact too: the call loses the queue's name.
    """
    facts = {name: value for name, value in zip(_PLAIN, _plain(data), strict=True) if value}
    if data.cause == QUEUE_CLEARED:
        facts.setdefault("queue_name", "")
    if data.caller_name and data.caller_name_source != "personal":
        facts |= {"caller_name": data.caller_name, "caller_name_source": data.caller_name_source or "unknown"}
    if data.query_data:
        facts |= {QUERY + key: value for key, value in data.query_data.items() if value}
    return facts


def learn(call: CallState, facts: dict[str, str], origin: Origin, heard_at: datetime | None = None) -> CallState:
    """Add facts to a call as of the time of the event that states them; returns the same call when nothing is new."""
    known, at = call.facts, origin.at
    news = [name for name, value in facts.items() if _is_news(known.get(name, ()), value, at)]
    fresh = {name: TimedValue(at, facts[name], origin, heard_at) for name in news}
    return _with(_with_queue_again(call, facts.get("queue_name"), origin, heard_at), fresh)


def _with_queue_again(call: CallState, name: str | None, origin: Origin, heard_at: datetime | None) -> CallState:
    """Note that a call's queue was stated again, so that another one of before that, heard later, is not the latest."""
    *before, last = call.facts.get("queue_name") or (None,)
    if last is None or not name or name != last.value or origin.at <= (last.again or last).at:
        return call
    again = TimedValue(origin.at, name, origin, heard_at)
    return replace(call, facts={**call.facts, "queue_name": (*before, replace(last, again=again))})


def learn_values(call: CallState, values: dict[str, TimedValue]) -> CallState:
    """Add values to a call; returns the same call when nothing is new."""
    known = call.facts
    return _with(call, {name: one for name, one in values.items() if _is_news(known.get(name, ()), one.value, one.at)})


def _with(call: CallState, fresh: dict[str, TimedValue]) -> CallState:
    if not fresh:
        return call
    added = {name: _insert(call.facts.get(name, ()), one) for name, one in fresh.items()}
    return replace(call, facts={**call.facts, **added})


def _is_news(history: tuple[TimedValue, ...], value: str, at: datetime) -> bool:
    if not value and _changes_queue(history, at):
        return False
    return not history or history[-1].value != value or at < history[0].at


def _changes_queue(history: tuple[TimedValue, ...], at: datetime) -> bool:
    """Say whether a call came into another queue in the moment in which it left one, in whatever order both came."""
    is_entered = bool(history) and history[-1].at == at and bool(history[-1].value)
    return is_entered and any(one.at < at and one.value for one in history[:-1])


def _insert(history: tuple[TimedValue, ...], fact: TimedValue) -> tuple[TimedValue, ...]:
    if not history:
        return (fact,)
    place = len(history)
    while place and history[place - 1].at > fact.at:
        place -= 1
    history = (*_until(history[:place], fact), *history[place:])
    kept = [one for one in history[:-1] if one.at >= history[-1].at - MEMORY]
    older = [one for one in history[:-1] if one.at < history[-1].at - MEMORY]
    return (*older[-1:], *kept, history[-1])


def _until(history: tuple[TimedValue, ...], fact: TimedValue) -> tuple[TimedValue, ...]:
    """Return values and one after them; then the last of them again, as that was stated again later."""
    *before, last = history or (None,)
    if last is None or last.again is None or last.again.at <= fact.at:
        return (*history, fact)
    return (*before, replace(last, again=None), fact, last.again)


def as_of(call: CallState, moment: datetime | None = None) -> LegData:
    """Return what the call's legs know: now, or as of a moment of the source's clock."""
    values: dict[str, str] = {}
    query: dict[str, str] = {}
    origins: dict[str, Origin] = {}
    for name, history in call.facts.items():
        if (fact := known_at(history, moment)) is not None:
            if name.startswith(QUERY):
                query[name[len(QUERY) :]] = fact.value
            else:
                values[name] = fact.value
            if fact.origin is not None:
                origins[name] = fact.origin
    return _leg_data(call, values, query, origins)


def _leg_data(call: CallState, values: dict[str, str], query: dict[str, str], origins: dict[str, Origin]) -> LegData:
    inherited, origin = values.pop(INHERITED, ""), origins.pop(INHERITED, None)
    if "interaction_id" not in values:
        values["interaction_id"] = inherited or call.own_interaction
        if origin is not None:
            origins["interaction_id"] = origin
    origins.pop("caller_name_source", None)
    return LegData(**values, query_data=query, origins=origins)


def known_at(history: tuple[TimedValue, ...], moment: datetime | None) -> TimedValue | None:
    """Return what was known at a moment; None also if it was known to have no value."""
    fact: TimedValue | None = history[-1]
    if moment is not None and history[-1].at > moment:
        fact = next((one for one in reversed(history) if one.at <= moment), None)
    return fact if fact is not None and fact.value else None


def moved_facts(call: CallState, at: datetime) -> dict[str, tuple[TimedValue, ...]]:
    """Return what a call hands on at a transfer: its values then, as of just after it.

    A leg that ended with the transfer, or before, was in another call and learns nothing of them.
    """
    return {
        name: (TimedValue(at + AFTER, fact.value, handed_on(fact.origin)),)
        for name, history in call.facts.items()
        if (fact := known_at(history, at))
    }


def merged(main: CallState, other: CallState) -> dict[str, tuple[TimedValue, ...]]:
    """Join two calls' facts: the customer's call wins, the other fills what it lacks, and its earlier values stay."""
    joined = {**other.facts, **main.facts}
    both = [name for name in main.facts if name in other.facts]
    return joined | {name: _joined(main.facts[name], other.facts[name]) for name in both}


def _joined(winner: tuple[TimedValue, ...], other: tuple[TimedValue, ...]) -> tuple[TimedValue, ...]:
    return (*(one for one in other if one.at < winner[0].at), *winner)


def stated_since(
    facts: dict[str, tuple[TimedValue, ...]], own: dict[str, tuple[TimedValue, ...]], at: datetime
) -> dict[str, tuple[TimedValue, ...]]:
    """Return facts in which values that a resulting call's own events stated, heard before the transfer, are later.

    The call did not exist before the transfer, whatever the times of receipt say.
    """
    later = {name: tuple(replace(one, at=max(one.at, at + AFTER)) for one in history) for name, history in own.items()}
    earlier = {name: tuple(one for one in facts.get(name, ()) if one not in own[name]) for name in own}
    return facts | {name: (*earlier[name], *history) for name, history in later.items()}


def divided(call: CallState, moment: datetime) -> tuple[dict[str, tuple[TimedValue, ...]], ...]:
    """Divide what a call knows into what was stated until a moment, and what was stated after it."""
    until = {name: tuple(one for one in history if one.at <= moment) for name, history in call.facts.items()}
    after = {name: tuple(one for one in history if one.at > moment) for name, history in call.facts.items()}
    return tuple({name: history for name, history in part.items() if history} for part in (until, after))


def is_contradicted(call: CallState, data: CallData) -> bool:
    """Say whether an event states another calling number than its call ever had."""
    if not data.calling_number or not call.facts.get("calling_number"):
        return False
    return not is_called_from(call, data.calling_number)


def is_called_from(call: CallState, number: str) -> bool:
    """Say whether a number is the calling number of a call."""
    return any(one.value and _is_same_number(number, one.value) for one in call.facts.get("calling_number", ()))


def is_number_of(call: CallState, device_id: str) -> bool:
    """Say whether a device is the number that a call came from, or that was dialled in it."""
    stated = [one for name in ("calling_number", "called_number") for one in call.facts.get(name, ())]
    return any(one.value and _is_same_number(device_id, one.value) for one in stated)


def names_another(call: CallState, data: CallData) -> bool:
    """Say whether an event names another caller than its call ever had, as known from the same directory."""
    sources = call.facts.get("caller_name_source", ())
    is_same_source = any(fact.value == (data.caller_name_source or "unknown") for fact in sources)
    return is_same_source and is_named_otherwise(call, data)


def is_named_otherwise(call: CallState, data: CallData) -> bool:
    """Say whether an event names a caller as its call's never was, also from another directory."""
    names = call.facts.get("caller_name", ())
    if not data.caller_name or not names or data.caller_name_source == "personal":
        return False
    return all(fact.value != data.caller_name for fact in names)


def is_dialled_by(call: CallState, device_id: str) -> bool:
    """Say whether a device dialled a call, as was heard, or as the call's calling number says."""
    party = call.parties.get(device_id)
    return (party is not None and party.has_dialled) or is_called_from(call, device_id)


def _is_same_number(one: str, other: str) -> bool:
    """Compare two spellings of a number: +49 30 111, 004930111 and 030111 may be one."""
    first, second = (("".join(sign for sign in text if sign.isalnum()).lstrip("0") or text) for text in (one, other))
    return first.endswith(second) or second.endswith(first)


def states_its_number(call: CallState, event: CallEvent, until: datetime | None = None) -> bool:
    """Say whether an event states a calling number that the call has, or had until a moment."""
    known, stated = call.facts.get("calling_number", ()), event.data.calling_number
    return bool(stated) and any(one.value == stated for one in known if until is None or one.at <= until)


def states_what_was_known(call: CallState, event: CallEvent) -> bool:
    """Say whether an event states what its call was known by before: its interaction, or its calling number."""
    stated = (("interaction_id", event.data.interaction_id), ("calling_number", event.data.calling_number))
    return any(
        value and any(one.value == value and one.at < event.time for one in call.facts.get(name, ()))
        for name, value in stated
    )
