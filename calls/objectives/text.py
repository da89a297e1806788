"""The sentences of a month's promises."""

from datetime import date

from calls.objectives.promises import MonthReport, Objective, Promise, Standing


def month_name(month: date) -> str:
    """Write a month as people do."""
    return f"{month:%B %Y}"


def first_line(report: MonthReport) -> str:
    """Say whether the promises were kept."""
    judged = [one for one in report.standings if one.is_kept is not None]
    name = month_name(report.month)
    if not judged:
        return f"{name}: no leg was decided, so there is nothing to judge."
    broken = [promise_name(one.objective) for one in judged if not one.is_kept]
    when = name if report.is_over else f"{name} so far"
    if len(judged) == 1:
        return f"{when}: the promise of the {promise_name(judged[0].objective)} is {'broken' if broken else 'kept'}."
    if not broken:
        return f"{when}: all {len(judged)} promises are kept."
    return f"{when}: {len(judged) - len(broken)} of {len(judged)} promises are kept. Broken: {', '.join(broken)}."


def promise_name(one: Objective) -> str:
    """Name a promise."""
    return {Promise.FLAGGED: "flagged share", Promise.GUID: "time to GUID", Promise.FLAGS: "time to flags"}[one.promise]


def promise_heading(one: Objective) -> str:
    """Name a promise at the beginning of a line."""
    name = promise_name(one)
    return f"{name[0].upper()}{name[1:]}"


def promise_text(one: Objective) -> str:
    """Say what is promised."""
    what = {
        Promise.FLAGGED: "of the legs that QMS could have named are flagged",
        Promise.GUID: f"of the GUIDs are known within {_length(one.within_ms)} of Connected",
        Promise.FLAGS: f"of the flags are written within {_length(one.within_ms)} of the disconnect",
    }[one.promise]
    return f"{one.target_percent:g} % {what}."


def standing_text(one: Standing) -> str:
    """Say how a promise stands."""
    if one.is_kept is None:
        return "Nothing to judge yet."
    percent, count = one.count.percent, one.count
    legs = "1 leg" if count.whole == 1 else f"{count.whole:,} legs"
    verdict, were = ("Kept" if one.is_kept else "Broken"), ("was" if count.bad == 1 else "were")
    return f"{verdict}: {percent:.2f} % of {legs}; {count.bad:,} {were} not. {budget_text(one)}"


def budget_text(one: Standing) -> str:
    """Say what is left of the error budget, and how fast it goes."""
    if one.spent_percent is None:
        return "There is no error budget: the target is 100 %."
    said = f"{one.spent_percent:,.0f} % of the error budget of {one.budget:,.1f} legs is spent."
    if one.burn_rate is None:
        return said
    return f"{said} Burn rate of the last 24 hours: {one.burn_rate:.1f} (1 spends exactly the budget)."


def _length(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s"
