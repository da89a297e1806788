"""Find calls, queues and callers by whatever a person types: any case, braces or none, a number in any notation."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec
from django.db.models import Q, QuerySet
from django.urls import reverse

from calls.models import Leg, QueueName, has_recording, is_final, is_live
from calls.stats.queue_names import of_queue, queue_of
from calls.ui.leg_search import is_filled
from calls.ui.sealed_search import seal

CALLER = "Caller"
#: Maximum of hits of one kind.
HITS = 5
#: Number of recent callers whose country codes are tried for a number without one.
CALLERS_READ = 200
#: A shorter number is an extension.
MINIMUM_NUMBER = 6
_NUMBER = re.compile(r"[+(]?[\d\s()./-]+")
_GUID = re.compile(r"\{?[0-9a-fA-F-]{32,36}\}?")


class Hit(msgspec.Struct, frozen=True):
    """Something found: its kind, its name, what more is known of it, and where it is."""

    kind: str
    name: str
    detail: str
    address: str


def find_calls(term: str, *, callers_for: int | None) -> Iterator[Hit]:
    """Yield what the calls have for a term, in queries that indexes serve.

    ``callers_for``: the user who searches, where callers are to be found too.
    """
    yield from _extension(term)
    yield from _queues(term)
    for column, kind in (("call_id", "Call"), ("interaction_id", "Interaction")):
        yield from _legs(Q(**{f"{column}__in": cases(term)}), kind, term)
    if _GUID.fullmatch(term):
        yield from _legs(Q(has_recording(), recording_guid__in=cases(_guid(term))), "Recording", term)
    if callers_for is not None and (numbers := _numbers(term)):
        yield from _callers(numbers, callers_for)


def cases(term: str) -> list[str]:
    """Return a term as typed, in capitals and in small letters."""
    return list(dict.fromkeys((term, term.upper(), term.lower())))


def _guid(term: str) -> str:
    """Return a GUID without braces and with its hyphens."""
    digits = term.strip("{}").replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _list(**asked: str) -> str:
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode(asked)}"


def _extension(term: str) -> Iterator[Hit]:
    newest = Leg.objects.filter(device_id=term).order_by("-connected_at").only("connected_at", "outcome").first()
    if newest is not None:
        detail = f"last call: {newest.get_outcome_display()}"
        yield Hit("Extension", term, detail, _list(extension=term))


def _queues(term: str) -> Iterator[Hit]:
    found = QueueName.objects.filter(Q(device_id=term) | Q(name__icontains=term)).order_by("name", "-since")
    named = found.values_list("name", "device_id")[: HITS * 4]
    names = dict.fromkeys((queue_of(name), device) for name, device in named if queue_of(name))
    for name, device in list(names)[:HITS]:
        yield Hit("Queue", name, f"queue {device}", _list(queue=name))
    queue = queue_of(term)
    if not queue or queue in {name for name, _ in names}:
        return
    if Leg.objects.filter(is_filled("queue_name"), is_final(), of_queue(queue)).exists():
        yield Hit("Queue", queue, "", _list(queue=queue))


def _legs(condition: Q, kind: str, term: str) -> Iterator[Hit]:
    """Yield the legs of a condition; of many, the list of them."""
    found: QuerySet[Leg] = Leg.objects.filter(condition).order_by("-connected_at")
    rows = list(found.only("device_id", "connected_at", "outcome", "call_id", "interaction_id")[: HITS + 1])
    for row in rows[:HITS]:
        detail = f"extension {row.device_id}, {row.get_outcome_display()}"
        name = {"Call": row.call_id, "Interaction": row.interaction_id}.get(kind, term.strip("{}"))
        yield Hit(kind, name, detail, reverse("admin:calls_leg_change", args=[row.pk]))
    if len(rows) > HITS:
        name = rows[0].call_id if kind == "Call" else rows[0].interaction_id
        yield Hit(kind, f"All legs of {name}", "", _list(q=name))


def _numbers(term: str) -> list[str]:
    """Return the notations in which the PBX may have written a caller's number."""
    digits = re.sub(r"\D", "", term)
    if not _NUMBER.fullmatch(term) or len(digits) < MINIMUM_NUMBER or len(digits) > 20:
        return []
    if term.strip().startswith("+") or digits.startswith("00"):
        whole = digits.removeprefix("00")
        return [f"+{whole}", f"00{whole}", whole, *(f"0{whole[length:]}" for length in (1, 2, 3))]
    national = digits.removeprefix("0")
    abroad = [f"{prefix}{code}{national}" for code in _country_codes() for prefix in ("+", "00", "")]
    return [digits, f"+{digits}", f"00{digits}", f"0{national}", national, *abroad]


def _country_codes() -> list[str]:
    """Return what may be the country codes of recent callers: the first digits of numbers with a plus sign."""
    newest = Leg.objects.filter(is_filled("calling_number"), is_final()).order_by("-connected_at")
    numbers = newest.values_list("calling_number", flat=True)[:CALLERS_READ]
    codes = {number[1 : 1 + length] for number in numbers if number.startswith("+") for length in (1, 2, 3)}
    return sorted(codes)


def _callers(numbers: list[str], user_id: int) -> Iterator[Hit]:
    known: dict[str, str] = {}
    for condition in (Q(is_filled("calling_number"), is_final()), Q(is_live())):
        rows = Leg.objects.filter(condition, calling_number__in=numbers).order_by("-connected_at")
        known |= dict(rows.values_list("calling_number", "caller_name")[:50])
    for number, name in list(known.items())[:HITS]:
        yield Hit(CALLER, number, name, _list(search=seal(number, user_id)))
