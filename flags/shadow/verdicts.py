"""Compare the flags of a recording that another gateway wrote with those that this one would have written; pure."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import msgspec


class ShadowVerdict(StrEnum):
    """How one flag compares."""

    SAME = "same"
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    OTHER_CASE = "other_case"
    OTHER_FORMAT = "other_format"
    CUT = "cut"
    OTHER_VALUE = "other_value"
    #: A flag that this gateway does not write, as of another system: it counts for neither side.
    NOT_OURS = "not_ours"


#: What each verdict means, for the page.
WORDS = {
    ShadowVerdict.SAME: "the same value",
    ShadowVerdict.MISSING_THERE: "the other gateway did not write it",
    ShadowVerdict.MISSING_HERE: "only the other gateway wrote it",
    ShadowVerdict.OTHER_CASE: "the same but for upper and lower case",
    ShadowVerdict.OTHER_FORMAT: "the same letters and digits, written differently",
    ShadowVerdict.CUT: "one value is the beginning of the other",
    ShadowVerdict.OTHER_VALUE: "another value",
    ShadowVerdict.NOT_OURS: "a flag that this gateway does not write",
}
#: Verdicts that are no difference.
AGREEING = (ShadowVerdict.SAME, ShadowVerdict.NOT_OURS)


class ComparedFlag(msgspec.Struct, frozen=True):
    """One flag of a recording. ``ours`` and ``theirs`` are empty where the flag is missing."""

    name: str
    verdict: ShadowVerdict
    ours: str = ""
    theirs: str = ""


def compare_flags(
    ours: Mapping[str, str], theirs: Mapping[str, str], written_here: Collection[str]
) -> Sequence[ComparedFlag]:
    """Compare flag by flag, in the order of names. ``written_here``: the names of all flags that this gateway writes.

    Example: ours ``{"CallerName": "Meyer Ltd"}``, theirs ``{"CallerName": "MEYER LTD"}``: other case.
    """
    names = sorted(ours.keys() | theirs.keys())
    return [_compared(name, ours.get(name), theirs.get(name), name in written_here) for name in names]


def is_complete(flags: Sequence[ComparedFlag]) -> bool:
    """Say whether the other gateway has written every flag that this one would have; more may come otherwise."""
    return all(one.verdict is not ShadowVerdict.MISSING_THERE for one in flags)


def agrees(flags: Sequence[ComparedFlag]) -> bool:
    """Say whether the recording carries what this gateway would have written."""
    return all(one.verdict in AGREEING for one in flags)


def _compared(name: str, ours: str | None, theirs: str | None, is_known: bool) -> ComparedFlag:
    if ours is None:
        return ComparedFlag(name, ShadowVerdict.MISSING_HERE if is_known else ShadowVerdict.NOT_OURS, "", theirs or "")
    if theirs is None:
        return ComparedFlag(name, ShadowVerdict.MISSING_THERE, ours)
    return ComparedFlag(name, _verdict(ours, theirs), ours, theirs)


def _verdict(ours: str, theirs: str) -> ShadowVerdict:
    if ours == theirs:
        return ShadowVerdict.SAME
    if ours.casefold() == theirs.casefold():
        return ShadowVerdict.OTHER_CASE
    if _bare(ours) and _bare(ours) == _bare(theirs):
        return ShadowVerdict.OTHER_FORMAT
    short, long = sorted((ours.rstrip("…"), theirs.rstrip("…")), key=len)
    return ShadowVerdict.CUT if short and long.startswith(short) else ShadowVerdict.OTHER_VALUE


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())
