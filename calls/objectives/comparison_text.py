"""The sentences about what the comparison with QMS found of a month. Pure."""

from collections.abc import Sequence

from calls.objectives.comparison import UnlabelledRecordings

#: What recordings that no leg knows are missing in.
_NOT_KNOWN = "how many recordings carry no flags is not known."
_IN_NO_PROMISE = "A recording that no leg knows is in no promise."


def comparison_text(found: UnlabelledRecordings | None) -> str:
    """Say how many recordings without flags there are, and why; nothing where nothing compares."""
    if found is None:
        return ""
    if not found.is_compared:
        return f"No comparison with QMS ran for this month: {_NOT_KNOWN} {_IN_NO_PROMISE}"
    right = found.percent_right
    share = "" if right is None else f" (labelled right: {right:.2f} % of {found.recordings:,})"
    said = f"The comparison with QMS found {_recordings(found.unflagged)} without flags in this month{share}"
    causes = []
    if found.interrupted:
        causes.append(f"{found.interrupted:,} because the link to the CTI source was interrupted")
    if found.of_legs:
        causes.append(f"{found.of_legs:,} at a leg for which no recording is known")
    said += f", of which {' and '.join(causes)}." if causes else "."
    return f"{said} {_IN_NO_PROMISE}" if found.unflagged else said


def not_compared_texts(found: UnlabelledRecordings | None) -> Sequence[str]:
    """Say of which time nothing is known."""
    return found.not_compared if found is not None else ()


def unlabelled_text(found: UnlabelledRecordings | None, target_percent: float) -> str:
    """Say after the judgement of the promises that more recordings carry no flags than are promised."""
    if found is None or not found.unflagged:
        return ""
    right = found.percent_right
    if right is not None and right >= target_percent:
        return ""
    share = "" if right is None else f", {right:.2f} % are labelled right"
    return f" The comparison with QMS found {_recordings(found.unflagged)} without flags{share}."


def _recordings(count: int) -> str:
    return {0: "no recording", 1: "1 recording"}.get(count, f"{count:,} recordings")
