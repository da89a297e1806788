"""Compare what was done with what would be done: two lists of legs, and the causes of each difference. Pure.

A cause is stated only where the settings, the match or the leg's facts show it; all else is the call model's rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from calls.core.outcomes import Outcome
from calls.core.source_state import SiteSettings
from calls.replay.interactions import SameInteractions
from flags.catalogue.values import FlagSpec, LegFacts, flag_texts


class DifferenceKind(StrEnum):
    """What is different."""

    MISSING_LEG = "missing_leg"
    EXTRA_LEG = "extra_leg"
    OUTCOME = "outcome"
    FLAG = "flag"


class DifferenceCause(StrEnum):
    """Why it is different."""

    EXTENSIONS = "extensions"
    FLAG_SETTINGS = "flag_settings"
    QUEUE_NAMES = "queue_names"
    AGENTS = "agents"
    USERS = "users"
    CANARY = "canary"
    NOT_ASKED = "not_asked"
    WRAPUP_WAIT = "wrapup_wait"
    RULES = "rules"


class LegAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as it was, or as it would be.

    ``began_at``: when the earliest event happened of which the leg knows something. ``flags``: what QMS has taken, or
    would be given, by name. ``wrapup_at``: when its wrap-up came, where it has one. ``is_answered``: QMS was asked for
    its recording then, so that its outcome is known.
    """

    leg_id: int
    extension: str
    call_id: str
    connected_at: datetime
    disconnected_at: datetime | None
    began_at: datetime
    outcome: str
    match: str
    facts: LegFacts
    flags: Mapping[str, str] = {}
    is_answered: bool = True
    is_canary: bool = False
    wrapup_at: datetime | None = None


class ReplayDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference of one leg. ``subject``: the flag's name, or the outcomes; ``leg_id`` 0: there was no such leg.

    ``was`` and ``would_be``: the values where they are no data of a person, else only whether there is one.
    ``is_canary``: the leg was a test, or would be one where there was none.
    """

    kind: DifferenceKind
    cause: DifferenceCause
    leg_id: int
    extension: str
    connected_at: datetime
    subject: str = ""
    was: str = ""
    would_be: str = ""
    is_canary: bool = False


class PairedLegs(msgspec.Struct, frozen=True):
    """Legs as they were beside the same ones as they would be, and those that are there in one case alone."""

    pairs: Sequence[tuple[LegAccount, LegAccount]]
    missing: Sequence[LegAccount]
    extra: Sequence[LegAccount]


class ListChange(msgspec.Struct, frozen=True):
    """A change of which devices are extensions: those of ``names``, or all others. ``text``: when, for a person."""

    at: datetime
    text: str
    names: frozenset[str]
    is_of_others: bool = False

    def concerns(self, extension: str) -> bool:
        """Say whether an extension is one by the lists before or after the change alone."""
        return (extension in self.names) is not self.is_of_others


class ReplayRules(msgspec.Struct, frozen=True):
    """The settings of the replay. ``changes``: those that the history has of the lists of extensions, oldest first."""

    site: SiteSettings
    specs: Sequence[FlagSpec]
    hash_key: bytes = b""
    interactions: SameInteractions = msgspec.field(default_factory=SameInteractions)
    changes: Sequence[ListChange] = ()


#: Maximum time after which settings hold for the calls that begin.
SETTINGS_TAKEN_WITHIN: Final = timedelta(minutes=1)
#: The outcome of a leg for whose recording QMS was never asked: whether there was one is not known.
UNKNOWN_OUTCOME: Final = "not known: QMS was not asked"
#: Fields of which the values may be shown and kept: they are no data of a person, and there are few of them.
OPEN_FIELDS: Final = frozenset({"queue_name", "direction"})
_MISSED: Final = frozenset({Outcome.NOT_RECORDED, Outcome.WINDOW_MISSED})
_CAUSES: Final = {
    "queue_name": DifferenceCause.QUEUE_NAMES,
    "agent_id": DifferenceCause.AGENTS,
    "agent_name": DifferenceCause.AGENTS,
}


def differences(
    was: Iterable[LegAccount], would_be: Iterable[LegAccount], rules: ReplayRules
) -> list[ReplayDifference]:
    """Return what would be different, in the order of the legs."""
    recorded, again = list(was), list(would_be)
    both = paired(recorded, again)
    extensions = {leg.extension for leg in recorded}
    found = [_missing(leg, rules) for leg in both.missing]
    found += [_extra(leg, extensions, rules) for leg in both.extra]
    for before, after in both.pairs:
        found += _changed(before, after, rules)
    return sorted(found, key=lambda one: (one.connected_at, one.extension, one.subject))


def paired(recorded: Iterable[LegAccount], again: Iterable[LegAccount]) -> PairedLegs:
    """Pair legs of an extension that were connected at the same moment, those of the same call first."""
    pairs: list[tuple[LegAccount, LegAccount]] = []
    missing, extra = list(recorded), list(again)
    for key in (_call_at, _place_at):
        waiting: defaultdict[object, list[LegAccount]] = defaultdict(list)
        for leg in extra:
            waiting[key(leg)].append(leg)
        alone = []
        for leg in missing:
            if same := waiting[key(leg)]:
                pairs.append((leg, same.pop(0)))
            else:
                alone.append(leg)
        missing, extra = alone, [leg for legs in waiting.values() for leg in legs]
    return PairedLegs(pairs, missing, extra)


def _call_at(leg: LegAccount) -> object:
    return leg.extension, leg.connected_at, leg.call_id


def _place_at(leg: LegAccount) -> object:
    return leg.extension, leg.connected_at


def _missing(leg: LegAccount, rules: ReplayRules) -> ReplayDifference:
    if leg.is_canary and leg.extension not in rules.site.canaries:
        cause = DifferenceCause.CANARY
    else:
        cause = DifferenceCause.RULES if rules.site.is_extension(leg.extension) else DifferenceCause.EXTENSIONS
    return _of(leg, DifferenceKind.MISSING_LEG, cause, was=leg.outcome)


def _extra(leg: LegAccount, extensions: set[str], rules: ReplayRules) -> ReplayDifference:
    """An extension that had no leg at all in that time was none by the settings of then, as far as can be seen.

    So was one of which the history says that a list was changed since, and perhaps changed back.
    """
    changed = _changed_since(leg, rules)
    if changed:
        return _of(leg, DifferenceKind.EXTRA_LEG, DifferenceCause.EXTENSIONS, changed)
    if leg.extension in extensions:
        cause = DifferenceCause.RULES
    else:
        is_test = leg.extension in rules.site.canaries
        cause = DifferenceCause.CANARY if is_test else DifferenceCause.EXTENSIONS
    return _of(leg, DifferenceKind.EXTRA_LEG, cause)


def _changed_since(leg: LegAccount, rules: ReplayRules) -> str:
    """Say when a list was changed first, since a leg, by which its extension was none then, or is one now."""
    since = leg.connected_at - SETTINGS_TAKEN_WITHIN
    return next((one.text for one in rules.changes if one.at > since and one.concerns(leg.extension)), "")


def _with_id_of_then(was: LegAccount, would_be: LegAccount, rules: ReplayRules) -> LegAccount:
    """Return a leg with the interaction's id of then, where it is the same interaction under another id of ours."""
    then, now = was.facts.interaction_id, would_be.facts.interaction_id
    if then == now or not rules.interactions.is_same(then, now):
        return would_be
    facts = msgspec.structs.replace(would_be.facts, interaction_id=then)
    specs = [spec for spec in rules.specs if spec.field == "interaction_id" and spec.name in would_be.flags]
    texts = {text.name: text.value for text in flag_texts(specs, facts, "base", rules.hash_key)}
    return msgspec.structs.replace(would_be, facts=facts, flags={**would_be.flags, **texts})


def _changed(was: LegAccount, would_be: LegAccount, rules: ReplayRules) -> Iterator[ReplayDifference]:
    would_be = _with_id_of_then(was, would_be, rules)
    if was.outcome != would_be.outcome:
        cause = _cause_of_outcome(was, would_be, rules)
        # What QMS was never asked has no outcome that is known.
        is_known = would_be.is_answered or would_be.outcome != Outcome.NOT_RECORDED
        outcome = would_be.outcome if is_known else UNKNOWN_OUTCOME
        yield _of(was, DifferenceKind.OUTCOME, cause, f"{was.outcome} / {outcome}", was.outcome, outcome)
    if was.flags == would_be.flags:
        return  # As of nearly every leg.
    specs = {spec.name: spec for spec in rules.specs}
    names = sorted({*was.flags, *would_be.flags})
    for name in names:
        before, after = was.flags.get(name, ""), would_be.flags.get(name, "")
        if before != after:
            yield _changed_flag(was, would_be, name, specs.get(name), rules)


def _is_of_canary(was: LegAccount, would_be: LegAccount, rules: ReplayRules) -> bool:
    """Say whether a leg is a test in one case alone, or a test whose recording is no longer made by the settings."""
    if was.is_canary is not would_be.is_canary:
        return True
    return was.is_canary and bool(was.flags) and not would_be.flags and not rules.site.has_canary_recordings


def _cause_of_outcome(was: LegAccount, would_be: LegAccount, rules: ReplayRules) -> DifferenceCause:
    if _is_of_canary(was, would_be, rules):
        return DifferenceCause.CANARY
    if was.match != would_be.match:
        return DifferenceCause.USERS
    if not would_be.is_answered:
        return DifferenceCause.NOT_ASKED
    if not _is_missed(was, would_be) and was.facts == would_be.facts and bool(was.flags) != bool(would_be.flags):
        return DifferenceCause.FLAG_SETTINGS
    return DifferenceCause.RULES


def _is_missed(was: LegAccount, would_be: LegAccount) -> bool:
    """Say whether a leg had, or would have, no recording: settings of flags change nothing in that."""
    return bool(_MISSED.intersection((was.outcome, would_be.outcome)))


def _changed_flag(
    was: LegAccount, would_be: LegAccount, name: str, spec: FlagSpec | None, rules: ReplayRules
) -> ReplayDifference:
    field = spec.field if spec else ""
    cause = _cause_of_flag(was, would_be, field, rules)
    is_open = field in OPEN_FIELDS and spec is not None and spec.privacy == "keep"
    is_open = is_open and bool(was.flags.get(name)) and bool(would_be.flags.get(name))
    before, after = was.flags.get(name, ""), would_be.flags.get(name, "")
    return _of(
        was,
        DifferenceKind.FLAG,
        cause,
        name,
        before if is_open else _in_short(before, after),
        after if is_open else _in_short(after, before),
    )


def _cause_of_flag(was: LegAccount, would_be: LegAccount, field: str, rules: ReplayRules) -> DifferenceCause:
    is_any_without = not would_be.flags or (not was.flags and _is_missed(was, would_be))
    if _is_of_canary(was, would_be, rules) or (is_any_without and was.outcome != would_be.outcome):
        return _cause_of_outcome(was, would_be, rules)
    if not field or _stated(was.facts, field) == _stated(would_be.facts, field):
        return DifferenceCause.FLAG_SETTINGS
    if field == "wrapup" and _is_waited_for_less(was, would_be, rules):
        return DifferenceCause.WRAPUP_WAIT
    return _CAUSES.get(field, DifferenceCause.RULES)


def _is_waited_for_less(was: LegAccount, would_be: LegAccount, rules: ReplayRules) -> bool:
    """Say whether a wrap-up that was written came later than one would be waited for."""
    wait, at, ended = rules.site.wrapup_wait_seconds, was.wrapup_at, was.disconnected_at
    if wait is None or at is None or ended is None or would_be.facts.wrapup_result:
        return False
    return (at - ended).total_seconds() >= wait


def _stated(facts: LegFacts, field: str) -> object:
    """Return what a flag is made of."""
    if field.startswith("query"):
        return facts.query_data
    if field == "wrapup":
        return facts.wrapup_template, facts.wrapup_result
    return getattr(facts, field, "")


def _in_short(value: str, other: str) -> str:
    """Name a value that is not shown."""
    if not value:
        return "not written"
    return "another value" if other else "written"


def _of(
    leg: LegAccount, kind: DifferenceKind, cause: DifferenceCause, subject: str = "", was: str = "", would_be: str = ""
) -> ReplayDifference:
    return ReplayDifference(
        kind=kind,
        cause=cause,
        leg_id=leg.leg_id,
        extension=leg.extension,
        connected_at=leg.connected_at,
        subject=subject,
        was=was,
        would_be=would_be,
        is_canary=leg.is_canary,
    )
