"""The sentences about what the comparison with QMS found of a month. Pure."""

from collections.abc import Sequence

import msgspec
from django.utils.text import get_text_list

from calls.objectives.comparison import UnlabelledRecordings, WrongKind, WrongRecordings

#: What recordings that no leg knows are missing in.
_NOT_KNOWN = "how many recordings carry no flags is not known."
_IN_NO_PROMISE = "A recording that no leg knows is in no promise."
#: What is wrong, of one recording and of several.
_CARRY = {
    WrongKind.OTHER_VALUES: (
        "carries other flags than the gateway wrote (another value, one lost, one more): they decide who may hear it.",
        "carry other flags than the gateway wrote (another value, one lost, one more): they decide who may hear them.",
    ),
    WrongKind.FOREIGN: (
        "carries flags that the gateway did not write, and no leg has it.",
        "carry flags that the gateway did not write, and no leg has them.",
    ),
    WrongKind.PARTLY: ("lacks some of its flags.", "lack some of their flags."),
}
#: The same, after a number.
_WITH = {
    WrongKind.OTHER_VALUES: "with other flags than the gateway wrote",
    WrongKind.FOREIGN: "with flags that the gateway did not write",
    WrongKind.PARTLY: "without some of their flags",
}
#: Wrong flags are said however few they are: they decide who may hear a recording.
_ALWAYS_SAID = frozenset({WrongKind.OTHER_VALUES, WrongKind.FOREIGN})


class ComparisonLine(msgspec.Struct, frozen=True):
    """A sentence, and the address of the findings that it counts; empty where there are none."""

    text: str
    path: str = ""


def comparison_lines(found: UnlabelledRecordings | None) -> Sequence[ComparisonLine]:
    """Say how many recordings are not labelled right, and why; nothing where nothing compares."""
    if found is None:
        return ()
    if not found.is_compared:
        return (ComparisonLine(f"No comparison with QMS ran for this month: {_NOT_KNOWN} {_IN_NO_PROMISE}"),)
    unflagged = ComparisonLine(_unflagged_text(found), found.path if found.unflagged else "")
    return (unflagged, *(ComparisonLine(_wrong_text(one), one.path) for one in found.wrongly))


def _unflagged_text(found: UnlabelledRecordings) -> str:
    right = found.percent_right
    share = "" if right is None else f" (labelled right: {right:.2f} % of {found.recordings:,})"
    said = f"The comparison with QMS found {_recordings(found.unflagged)} without flags in this month{share}"
    causes = []
    if found.interrupted:
        causes.append(f"{found.interrupted:,} because the link to the CTI source was interrupted")
    if found.switched_off:
        causes.append(f"{found.switched_off:,} because the CTI source was switched off")
    if found.of_legs:
        causes.append(f"{found.of_legs:,} at a leg for which no recording is known")
    said += f", of which {get_text_list(causes, 'and')}." if causes else "."
    return f"{said} {_IN_NO_PROMISE}" if found.unflagged else said


def _wrong_text(one: WrongRecordings) -> str:
    return f"{_recordings(one.recordings)} {_CARRY[one.kind][one.recordings > 1]}"


def not_compared_texts(found: UnlabelledRecordings | None) -> Sequence[str]:
    """Say of which time nothing is known."""
    return found.not_compared if found is not None else ()


def unlabelled_text(found: UnlabelledRecordings | None, target_percent: float) -> str:
    """Say after the judgement of the promises that more recordings are labelled wrong, or not, than is promised.

    Wrong flags are said however few they are.
    """
    if found is None:
        return ""
    right = found.percent_right
    is_below = right is None or right < target_percent
    counts = [(found.unflagged, "without flags")] if found.unflagged and is_below else []
    counts += [(one.recordings, _WITH[one.kind]) for one in found.wrongly if is_below or one.kind in _ALWAYS_SAID]
    if not counts:
        return ""
    (first, what), *others = counts
    named = [f"{_recordings(first)} {what}", *(f"{count:,} {what}" for count, what in others)]
    share = "" if right is None else f", {right:.2f} % are labelled right"
    return f" The comparison with QMS found {get_text_list(named, 'and')}{share}."


def _recordings(count: int) -> str:
    return {0: "no recording", 1: "1 recording"}.get(count, f"{count:,} recordings")
