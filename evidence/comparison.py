"""Compare the seals in the database with those that this machine has seen, before anything is signed.

What does not fit is said, kept for the page and the alarm, and nothing is signed until it fits again or a person has
accepted it: a day whose seal vanished would otherwise be signed again with what was forged meanwhile.
"""

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
from django.conf import settings

from evidence.audit import AuditCount, day_problems, first_kept_day
from evidence.export import key_changes, unsigned_changes
from evidence.models import EvidenceKey, EvidenceSeal, EvidenceSealFile
from evidence.progress import ComparisonProgress
from evidence.records import LAST_YEAR, NOTHING_BEFORE, SealStatement, SignedKeyChange, marked, text_hash
from evidence.seal_file import KnownSeals, SealLine, host_name
from evidence.verification import followers, is_signed

#: The entries of sealed days are compared again this long after the last time began, some at each run.
AGAIN_AFTER = timedelta(hours=6)
#: Maximum number of sentences about one day.
MAXIMUM_FAULTS = 3


class Misfit(msgspec.Struct, frozen=True):
    """A problem. Once a person accepts it, the seals of ``days`` in the file are no longer expected, and entries up to
    the day ``gone`` may be gone. ``later``: the sentence for it once its day is sealed. What no seal can be made over
    is not ``acceptable``: it ends when the rows are put back. ``is_undone``: the command puts it right once it is
    accepted; it is a problem again when it comes back.

    The text names the content that it is about: another one is another problem.
    """

    text: str
    days: Sequence[str] = ()
    gone: str = ""
    later: str = ""
    acceptable: bool = True
    is_undone: bool = False


class Compared(msgspec.Struct, frozen=True):
    """What does not fit, and the seals that the file has yet to hold."""

    misfits: Sequence[Misfit]
    new: Sequence[SealLine]


def seal_file_path() -> Path:
    """Return where this machine keeps the seals."""
    return Path(settings.EVIDENCE_SEALS)


def compare(known: KnownSeals, now: datetime) -> Compared:
    """Compare the database's seals with the file's, in the order of their days; accepted problems are left out."""
    rows = {row.day.isoformat(): row for row in EvidenceSeal.objects.order_by("day")}
    found = {day: (row.statement, row.signature) for day, row in rows.items()}
    missing = [day for day in sorted(known.seals) if day not in found]
    misfits = [_missing([known.seals[day] for day in missing])] if missing else []
    new, changes, before = list[SealLine](), key_changes(), NOTHING_BEFORE
    last = known.seals[max(known.seals)] if known.seals else None
    for day, (statement, signature) in found.items():
        expected = known.seals.get(day)
        if expected is None:
            line = SealLine(at=now.isoformat(), statement=statement, signature=signature, day=day)
            wrong = _not_to_be_added(line, before, last, changes)
            fits = not [one for one in wrong if one.text not in known.accepted]
            misfits += wrong
            if fits:
                new, last = [*new, line], line
        elif expected.statement != statement or expected.signature != signature:
            text = f"the seal of {day} in the database is not the one that was made"
            misfits.append(Misfit(marked(text, statement, signature), [day]))
        before = text_hash(statement)
    misfits += [Misfit(f"the change to the key {key[:16]} is not signed by both keys") for key in unsigned_changes()]
    misfits += [*_of_columns({} if misfits else rows), *_of_present_key(last, changes)]
    return Compared([one for one in misfits if one.text not in known.accepted], new)


def _of_columns(rows: Mapping[str, EvidenceSeal]) -> Iterator[Misfit]:
    """Yield which seal has other numbers beside it than its statement has: the page shows them."""
    before = 0
    for day, row in rows.items():
        try:
            said = msgspec.json.decode(row.statement, type=SealStatement)
            at = datetime.fromisoformat(said.at)
        except ValueError:
            return  # Somebody accepted a seal that an earlier release took over.
        if (row.blocks, row.entries, row.at, row.key_id) != (said.blocks, said.last_entry - before, at, said.key):
            texts = map(str, (row.blocks, row.entries, row.at, row.key_id))
            yield Misfit(marked(f"what the database says beside the seal of {day} is not what was sealed", *texts))
        before = said.last_entry


def _missing(lines: Sequence[SealLine]) -> Misfit:
    days = [line.day for line in lines]
    which = days[0] if len(days) == 1 else f"{len(days):,} days, {days[0]} to {days[-1]}"
    text = f"the database has no seal of {which}, which was made and is in this machine's file"
    return Misfit(marked(text, *[line.statement for line in lines]), days)


def _not_to_be_added(
    line: SealLine, before: str, last: SealLine | None, changes: Sequence[SignedKeyChange]
) -> list[Misfit]:
    """Return why a seal that the file does not hold was not made by the site after those that it holds."""
    try:
        statement = msgspec.json.decode(line.statement, type=SealStatement)
        datetime.fromisoformat(statement.at)
    except ValueError:
        return [Misfit(f"the seal of {line.day} cannot be read", acceptable=False)]
    if statement.day != line.day or line.day > f"{LAST_YEAR}":
        return [Misfit(f"the seal of {line.day} is of {statement.day}", acceptable=False)]
    wrong = list[str]()
    if not is_signed(line.statement, line.signature, statement.key):
        wrong.append(f"the signature of the seal of {line.day} is wrong")
    if statement.previous != before:
        wrong.append(f"the seal of {line.day} does not follow the one before")
    if last is not None and line.day <= last.day:
        wrong.append(f"a seal of {line.day} appeared after that of {last.day} was made")
    marks = [marked(one, line.statement, line.signature) for one in wrong]
    return [Misfit(one) for one in (*_of_key(statement.key, last, changes), *marks)]


def _of_key(key: str, last: SealLine | None, changes: Sequence[SignedKeyChange]) -> list[str]:
    if last is None:
        return []
    vouching = msgspec.json.decode(last.statement, type=SealStatement).key
    if key in followers(vouching, changes):
        return []
    if vouching in followers(key, changes):
        return [f"the key {key[:16]} was followed by {vouching[:16]}, which has sealed: it counts no more"]
    return [f"nothing links the key {key[:16]} with {vouching[:16]}, the key of the seals before"]


def _of_present_key(last: SealLine | None, changes: Sequence[SignedKeyChange]) -> list[Misfit]:
    """The key that would sign now; where there is none any more, a new one would be made without a word."""
    present = EvidenceKey.objects.filter(retired_at=None).values_list("public", flat=True).first()
    if present is None:
        text = "the database has no key that signs, though there are seals"
        return [Misfit(marked(text, last.statement))] if last else []
    return [Misfit(one) for one in _of_key(present, last, changes)]


def lost_file(known: KnownSeals, path: Path) -> list[Misfit]:
    """Say whether this machine had another file in this place, which held seals."""
    others = EvidenceSealFile.objects.filter(host=host_name(), path=str(path), seals__gt=0).exclude(pk=known.file)
    found = [
        Misfit(
            f"the file {path} of this machine is gone: it held {one.seals:,} seals up to {one.last_day}, and what is in"
            " the database cannot be compared with them"
        )
        for one in others
    ]
    return [one for one in found if one.text not in known.accepted]


def lost_lines(row: EvidenceSealFile, known: KnownSeals) -> list[Misfit]:
    """Say whether the file holds fewer seals than at its last comparison: by a full disk, or by somebody."""
    if row.seals <= len(known.seals):
        return []
    text = (
        f"the file {row.path} lost lines: it held {row.seals:,} seals up to {row.last_day} and holds"
        f" {len(known.seals):,}, so that what is in the database cannot be compared with the others"
    )
    return [] if text in known.accepted else [Misfit(text)]


def check_days(
    progress: ComparisonProgress, known: KnownSeals, now: datetime, budget: float | None = None
) -> ComparisonProgress:
    """Compare blocks and entries of sealed days with their seals; return how far it came and what it found.

    ``budget``: seconds after which the next run continues; without one all days are compared.
    """
    if budget is None or progress.is_due(now, AGAIN_AFTER):
        progress = msgspec.structs.replace(progress, next_day=date.min, pass_at=now)
    if progress.next_day is None:
        return progress
    began = time.monotonic()
    sealed = {day.isoformat() for day in EvidenceSeal.objects.values_list("day", flat=True)} & known.seals.keys()
    progress = _of_days(progress, sealed)
    left = [day for day in sorted(sealed) if day >= str(progress.next_day)]
    for at, day in enumerate(left, 1):
        progress = _with_day(progress, day, known, now)
        if budget is not None and time.monotonic() - began > budget and at < len(left):
            return msgspec.structs.replace(progress, next_day=date.fromisoformat(left[at]))
    return msgspec.structs.replace(progress, next_day=None)


def _of_days(progress: ComparisonProgress, days: Container[str]) -> ComparisonProgress:
    """Forget what was found of days that have no seal any more: that is said by itself."""
    faults = {day: texts for day, texts in progress.faults.items() if day in days}
    gone = frozenset(day for day in progress.gone if day in days)
    return msgspec.structs.replace(progress, faults=faults, gone=gone)


def _with_day(progress: ComparisonProgress, day: str, known: KnownSeals, now: datetime) -> ComparisonProgress:
    count, until = AuditCount(), max(known.gone_until, progress.gone_until)
    statement = known.seals[day].statement
    looked = day_problems(date.fromisoformat(day), statement, first_kept_day(now, until), count)
    new = (one for one in looked if sealed_words(day, one) not in known.accepted)
    faults = {**progress.faults, day: list(islice(new, MAXIMUM_FAULTS))}
    return msgspec.structs.replace(
        progress,
        faults={one: texts for one, texts in faults.items() if texts},
        gone=(progress.gone - {day}) | frozenset(count.gone_early),
        gone_until=max(progress.gone_until, count.without_until),
    )


def day_misfits(progress: ComparisonProgress, known: KnownSeals) -> list[Misfit]:
    """Return what the last looks at the entries of sealed days found, as far as nobody accepted it."""
    return [
        Misfit(text, gone=day if day in progress.gone else "")
        for day, many in sorted(progress.faults.items())
        for text in (sealed_words(day, one) for one in many)
        if text not in known.accepted
    ]


def sealed_words(day: str, problem: str) -> str:
    """Say what does not fit of a sealed day."""
    return f"{day}, which is sealed: {problem}"
