"""What was taken out of a list that is too long to be shown, and what came in: so the history knows it whole.

A list of 2,000 extensions that gets one more is a line of the history that people read, and the former list follows
from the present one.
"""

import json
import re
from typing import Any

import msgspec

#: Maximum length of what came and went, in characters; of a longer change the history shows the beginnings alone.
MAXIMUM_CHANGE = 65_536
_ARROW = "\N{RIGHTWARDS ARROW}"
_COUNTS = re.compile(rf"([\d,]+) entr(?:y|ies) {_ARROW} ([\d,]+) entr(?:y|ies), without ")
_WITH = ", with "
_DECODER = json.JSONDecoder()

JsonList = list[Any] | dict[str, Any]


class KeptChange(msgspec.Struct, frozen=True):
    """A change of a list, or of an object by its members. ``was`` and ``is_now``: the number of entries."""

    was: int
    is_now: int
    out: JsonList
    came: JsonList

    def before(self, after: Any) -> JsonList | None:
        """Return what was before the change, by what was after it; None where that is not known or does not fit."""
        if len(self.out) == self.was:
            return self.out
        if type(after) is not type(self.out) or len(after) != self.is_now:
            return None
        former = _without(after, self.came)
        found = former | self.out if isinstance(former, dict) else [*former, *self.out]  # type: ignore[operator]
        return found if len(found) == self.was else None


def change_text(before: Any, after: Any) -> str | None:
    """Describe a change by what went and what came; None where the values are no lists or differ in more than that."""
    before, after = _like(before, after), _like(after, before)
    if type(before) is not type(after) or not (_is_plain(before) and _is_plain(after)):
        return None
    out, came = (json.dumps(_without(*both), ensure_ascii=False) for both in ((before, after), (after, before)))
    text = f"{_entries(before)} {_ARROW} {_entries(after)}, without {out}{_WITH}{came}"
    return text if len(text) <= MAXIMUM_CHANGE else None


def read_change(text: str, at: int) -> KeptChange | None:
    """Read the change that stands at a place of a text; None where there is none."""
    counts = _COUNTS.match(text, at)
    if counts is None:
        return None
    try:
        out, end = _DECODER.raw_decode(text, counts.end())
        came, _ = _DECODER.raw_decode(text, end + len(_WITH))
    except ValueError:
        return None
    was, is_now = (int(one.replace(",", "")) for one in counts.groups())
    return KeptChange(was, is_now, out, came)


def _like(value: Any, other: Any) -> Any:
    """Return an empty value as one of the other's type: a field of lists is emptied as "" too."""
    return type(other)() if not value and isinstance(other, list | dict) else value


def _is_plain(value: Any) -> bool:
    """Say whether each entry of a list is a text of its own, or the value is an object."""
    return isinstance(value, dict) or (all(isinstance(one, str) for one in value) and len(set(value)) == len(value))


def _without(value: Any, other: Any) -> JsonList:
    """Return the entries that the other value has not, or has otherwise."""
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name not in other or other[name] != one}
    others = set(other)
    return [one for one in value if one not in others]


def _entries(value: JsonList) -> str:
    return f"{len(value):,} {'entry' if len(value) == 1 else 'entries'}"
