"""The catalogue of Flags: which value of a leg each carries, and how it is made fit to write. Pure."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Literal

import msgspec

FlagPart = Literal["base", "wrapup"]

#: The end of a value that was too long.
CUT = "…"
#: A field of this form is one key of the query data.
QUERY = "query:"
PRIVACIES = ("keep", "mask", "hash", "drop")

#: Card numbers have 13 to 19 digits, alone or in groups with a space or a dash between.
CARD_DIGITS = range(13, 20)
_DIGIT_GROUPS = re.compile(r"\d+(?:[ \u00a0\u2010-\u2015-]{1,3}\d+)*")
_GROUP = re.compile(r"\d+")
# How many digits of a number stay readable at its end.
_DIGITS_SHOWN = 4

#: Characters that XML 1.0 cannot carry, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: XML parsers change line ends, and a value that is read back must equal the one that was written.
_LINE_ENDS = re.compile(r"[\t\r\n]+")
#: What other programs write for "no value".
_NO_VALUE = frozenset({"", "none", "null"})


class LegFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a leg when it closes. None or empty: not known, and then the flag is omitted."""

    call_id: str
    device_id: str
    interaction_id: str = ""
    agent_id: str = ""
    agent_name: str = ""
    queue_name: str = ""
    caller_name: str = ""
    caller_name_source: str = ""
    calling_number: str = ""
    called_number: str = ""
    direction: str = ""
    wrapup_template: str = ""
    wrapup_result: str = ""
    query_data: dict[str, str] = {}


class FlagText(msgspec.Struct, frozen=True):
    """One flag ready to be written; ``cut`` and ``masked`` say what was done to its value."""

    name: str
    value: str
    cut: bool = False
    masked: bool = False


class FlagSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A Flag: its name in QMS, the field it carries, and how the value is made fit.

    ``field``: a member of ``LegFacts``, ``wrapup`` (template and result), ``query_data`` or ``query:KEY``. ``privacy``:
    keep, mask, hash or drop. Raises ``ValueError`` for another field or privacy.
    """

    name: str
    field: str
    max_length: int = 255
    privacy: str = "keep"
    order: int = 0

    def __post_init__(self) -> None:
        if not is_field(self.field):
            raise ValueError(f"{self.field!r} is no field of a call: use one of {', '.join(FIELD_NAMES)} or query:KEY")
        if self.privacy not in PRIVACIES:
            raise ValueError(f"{self.privacy!r} is no privacy: use one of {', '.join(PRIVACIES)}")

    @property
    def part(self) -> FlagPart:
        """Return when the flag is written: with the others at disconnect, or with the wrap-up."""
        return "wrapup" if self.field.startswith("wrapup") else "base"


#: Every field that a flag can carry, besides ``query:KEY``.
FIELD_NAMES: tuple[str, ...] = (*LegFacts.__struct_fields__, "wrapup")


def is_field(field: str) -> bool:
    """Say whether a flag can carry this field."""
    return field in FIELD_NAMES or (field.startswith(QUERY) and len(field) > len(QUERY))


#: The eight Flags of the manual.
FIELDS: tuple[FlagSpec, ...] = (
    FlagSpec(name="AgentId", field="agent_id", order=1),
    FlagSpec(name="AgentName", field="agent_name", order=2),
    FlagSpec(name="CallerName", field="caller_name", order=3),
    FlagSpec(name="CTICallRef", field="call_id", order=4),
    FlagSpec(name="InteractionGuid", field="interaction_id", order=5),
    FlagSpec(name="QueueName", field="queue_name", order=6),
    FlagSpec(name="CTIWrapup", field="wrapup", order=7),
    FlagSpec(name="CTI QueryData", field="query_data", order=8),
)
#: Those of them that a site switches on if it wants them.
OPTIONAL = frozenset({"CTIWrapup", "CTI QueryData"})


def flag_texts(specs: Iterable[FlagSpec], facts: LegFacts, part: FlagPart, hash_key: bytes = b"") -> list[FlagText]:
    """Return the flags of a leg that belong to a part, ready to be written, in the catalogue's order.

    A value that is not known, personal, or dropped gives no flag; so does ``hash`` without a key, since anyone could
    compute it. No name comes twice.
    """
    mine = sorted((one for one in specs if one.part == part), key=lambda one: (one.order, one.name))
    texts = (_flag_text(spec, _value(spec.field, facts), hash_key) for spec in mine)
    found: dict[str, FlagText] = {}
    for text in texts:
        if text is not None:
            found.setdefault(text.name, text)
    return list(found.values())


def mask_cards(text: str) -> str:
    """Return the text with all but the last four digits of card-like numbers (Luhn) starred; its length stays."""
    return _DIGIT_GROUPS.sub(lambda found: _mask_run(found.group()), text)


def is_written(spec: FlagSpec, hash_key: bytes) -> bool:
    """Say whether a Flag is ever written, whatever value a call has for it."""
    return spec.max_length >= 1 and spec.privacy != "drop" and (spec.privacy != "hash" or bool(hash_key))


def _flag_text(spec: FlagSpec, value: str, hash_key: bytes) -> FlagText | None:
    known = written_text(value)
    if not known or not is_written(spec, hash_key):
        return None
    if spec.privacy == "hash":
        digest = hmac.new(hash_key, known.encode(), hashlib.sha256).hexdigest()
        return FlagText(spec.name, _shorten(digest, spec.max_length), cut=len(digest) > spec.max_length, masked=True)
    if spec.privacy == "mask" or spec.field == "query_data" or spec.field.startswith(QUERY):
        return _masked(spec, known)
    return FlagText(spec.name, _shorten(known, spec.max_length), cut=len(known) > spec.max_length)


def _masked(spec: FlagSpec, known: str) -> FlagText:
    """Mask, shorten and mask again: what is left of a long number may look like a card where the whole did not."""
    masked = mask_cards(known)
    short = _shorten(masked, spec.max_length)
    safe = mask_cards(short)
    is_masked = masked != known or safe != short
    return FlagText(spec.name, safe, cut=len(masked) > spec.max_length, masked=is_masked)


def _shorten(value: str, max_length: int) -> str:
    return value if len(value) <= max_length else value[: max_length - 1].rstrip() + CUT


def _value(field: str, facts: LegFacts) -> str:
    if field.startswith(QUERY):
        return facts.query_data.get(field.removeprefix(QUERY)) or ""
    if field == "query_data":
        pairs = ((written_text(key), written_text(value or "")) for key, value in sorted(facts.query_data.items()))
        return "; ".join(f"{key}={value}" for key, value in pairs if value)
    if field == "wrapup":
        parts = (written_text(facts.wrapup_template or ""), written_text(facts.wrapup_result or ""))
        return ": ".join(one for one in parts if one)
    if field == "caller_name" and facts.caller_name_source == "personal":
        return ""
    value: str | None = getattr(facts, field)
    return value or ""


def written_text(value: str) -> str:
    """Return a value as a flag has it: on one line, of what XML can carry, and empty where it says that it is none."""
    # Nothing that is printable is forbidden or ends a line; nearly all values are.
    cleaned = (value if value.isprintable() else _LINE_ENDS.sub(" ", _FORBIDDEN.sub("", value))).strip()
    return "" if cleaned.casefold() in _NO_VALUE else cleaned


def _mask_run(run: str) -> str:
    """Star the card numbers among groups of digits; every sequence of whole groups is looked at."""
    groups = list(_GROUP.finditer(run))
    starred: set[int] = set()
    for first in range(len(groups)):
        lengths = accumulate(len(group.group()) for group in groups[first:])
        for last, length in enumerate(lengths, start=first):
            if length > CARD_DIGITS[-1]:
                break
            places = [place for group in groups[first : last + 1] for place in range(group.start(), group.end())]
            if length in CARD_DIGITS and _is_luhn([int(run[place]) for place in places]):
                starred.update(places[:-_DIGITS_SHOWN])
    return "".join("*" if place in starred else sign for place, sign in enumerate(run))


def _is_luhn(digits: list[int]) -> bool:
    doubled = (2 * digit if place % 2 else digit for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
