"""Who is to be erased, and how raw messages that hold the caller are recognised."""

import json
import re
from enum import StrEnum

import msgspec

#: What may stand between the digits of a number.
_SEPARATORS = rb"[ \-./()]{0,2}"
#: No letter or digit stands before; but "\n", "\r" and "\t" in JSON and "%2B" in an address end with one.
_BEGINS = rb"(?:(?<![0-9A-Za-z\x80-\xff])|(?<=\\[nrt])|(?<=%2[Bb]))"
_ENDS = rb"(?![0-9A-Za-z\x80-\xff])"
#: The digits of an extension are not a part of a longer number, of a time, a date or an address either.
_ALONE_BEFORE, _ALONE_BEHIND = rb"(?<![0-9][ \-./:])", rb"(?![ \-./:][0-9])"
#: Digits from which on a number is one that the public network knows.
_PUBLIC_DIGITS = 7


class SubjectKind(StrEnum):
    """By what a caller is erased."""

    NUMBER = "number"
    NAME = "name"
    INTERACTION = "interaction"


class ErasureSubject(msgspec.Struct, frozen=True):
    """Who is to be erased; ``value`` is compared as a whole, a number in any notation with the same digits."""

    kind: SubjectKind
    value: str


def pattern_of(subject: ErasureSubject) -> re.Pattern[bytes]:
    """Return what finds the caller in raw messages: a whole number, name or interaction, not a part of a longer one."""
    if subject.kind is SubjectKind.NUMBER and (digits := significant_digits(subject.value)):
        return re.compile(_BEGINS + rb"(?:\+|00)?" + _spelt(digits) + _ENDS)
    words = {subject.value.encode(), msgspec.json.encode(subject.value)[1:-1], json.dumps(subject.value)[1:-1].encode()}
    return re.compile(_BEGINS + rb"(?:" + rb"|".join(map(re.escape, sorted(words))) + rb")" + _ENDS)


def number_spellings(value: str) -> list[str]:
    """Return a number as it is and with each international prefix, for columns that are compared exactly."""
    digits = significant_digits(value)
    return [value, *(f"{prefix}{digits}" for prefix in ("", "+", "00") if digits)]


def significant_digits(value: str) -> str:
    """Return a number's digits without its international prefix; empty where it is no number of digits."""
    digits = re.sub(r"[ \-./()]", "", value)
    found = re.fullmatch(r"(?:\+|00)?([0-9]+)", digits)
    return found[1] if found else ""


def _spelt(digits: str) -> bytes:
    if len(digits) < _PUBLIC_DIGITS:
        return _ALONE_BEFORE + digits.encode() + _ALONE_BEHIND
    return _SEPARATORS.join(digit.encode() for digit in digits)
