"""Look before a day is signed: the comparison with this machine's file of seals, kept for the page and the alarm."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from clock.text import site_time
from evidence.chain import end_problem, put_head_right
from evidence.comparison import Misfit, check_days, compare, day_misfits, lost_file, lost_lines, seal_file_path
from evidence.due import due_misfits
from evidence.models import EvidenceSealFile
from evidence.progress import NONE_SEEN, ComparisonProgress, read_progress, write_progress
from evidence.seal_file import HeldFile, KnownSeals, SealLine, host_name, known_seals
from evidence.unsealed import Sealed, file_by_time, misfiled, misplaced, moved, sealed_until, with_seen

log = structlog.get_logger()

#: Seconds of each run for the entries of sealed days.
BUDGET = 2.0
#: What the file of a machine said counts this long; then it may be one that is no longer there.
COUNTS_FOR = timedelta(hours=36)


class Look(msgspec.Struct, frozen=True):
    """A comparison of this machine's file with the database."""

    known: KnownSeals
    misfits: Sequence[Misfit]


def look(file: HeldFile, now: datetime, budget: float | None = BUDGET) -> Look:
    """Compare, add to the file the seals that other machines made, and keep what was found.

    ``budget``: as in ``check_days``; without one all days that are to be sealed are looked at, too, not the next alone.

    Raises ``OSError``, ``NoSealLine``, and ``ValueError`` or ``OverflowError`` where a row cannot be read.
    """
    known = known_seals(file.lines())
    row = _row(known, file, now)
    compared = compare(known, now)
    file.add(compared.new)
    known = known_seals(file.lines())
    lost = [*lost_file(known, file.path), *lost_lines(row, known)]
    before = read_progress(file.path, row.file)
    sealed = last_seal(known)
    progress = with_seen(check_days(before, known, now, budget), sealed, now)
    if progress != before:
        write_progress(file.path, progress)
    wrong = (*misfiled(sealed, now), *moved(progress, sealed))
    unsealed = [Misfit(one, is_undone=True) for one in wrong if one not in known.accepted]
    # Filed again, they may follow each other.
    due = [] if unsealed else due_misfits(now, known.accepted, all_days=budget is None)
    found = [*lost, *compared.misfits, *day_misfits(progress, known), *_of_ends(), *unsealed, *due]
    _keep(row, known, progress, found, now)
    return Look(known, found)


def _of_ends() -> list[Misfit]:
    """Return what does not fit before the first block and after the last one."""
    found = [Misfit(one, acceptable=False) for one in misplaced()]
    try:
        text = end_problem()
    except msgspec.MsgspecError:
        return [*found, Misfit("the header of the last block cannot be read", acceptable=False)]
    return [*found, Misfit(text, is_undone=True)] if text else found


def last_seal(known: KnownSeals) -> Sealed:
    """Return where the seals end by the file."""
    return sealed_until(known.seals[max(known.seals)].statement if known.seals else "")


def _row(known: KnownSeals, file: HeldFile, now: datetime) -> EvidenceSealFile:
    began = datetime.fromisoformat(known.begun_at) if known.begun_at else now
    defaults = {"host": host_name(), "path": str(file.path), "begun_at": began, "compared_at": now}
    return EvidenceSealFile.objects.get_or_create(file=known.file or file.path.name, defaults=defaults)[0]


def span(first: str, last: str) -> str:
    """Write days from the first to the last."""
    return first if first == last else f"{first} to {last}"


def _keep(
    row: EvidenceSealFile, known: KnownSeals, progress: ComparisonProgress, found: Sequence[Misfit], now: datetime
) -> None:
    days = sorted(known.seals)
    row.host, row.path, row.compared_at = host_name(), str(seal_file_path()), now
    if not lost_lines(row, known):  # Else it says what there was, until somebody accepts that it is gone.
        row.seals, row.first_day, row.last_day = len(days), days[0] if days else "", days[-1] if days else ""
    row.problems = [one.text for one in found]
    row.pass_at, row.next_day, row.faults = progress.pass_at, progress.next_day, dict(progress.faults)
    row.save()
    EvidenceSealFile.objects.filter(file=_unusable_name()).delete()
    if found:
        log.error("evidence_differs", problems=row.problems)


def keep_unusable(problem: str, now: datetime) -> None:
    """Keep why nothing can be compared on this machine: nothing is signed without that."""
    log.error("evidence_differs", problems=[problem])
    row = {"host": host_name(), "path": str(seal_file_path()), "begun_at": now, "compared_at": now}
    EvidenceSealFile.objects.update_or_create(file=_unusable_name(), defaults={**row, "problems": [problem]})


def _unusable_name() -> str:
    return f"none {host_name()}"[:64]


def keep_problem(known: KnownSeals, text: str) -> None:
    """Keep what was found at the last moment before a day is signed."""
    log.error("evidence_differs", problems=[text])
    EvidenceSealFile.objects.filter(file=known.file).update(problems=[text])


def standing_problems(now: datetime | None) -> list[tuple[str, str]]:
    """Return machine and sentence of what does not fit; ``now``: only of machines that compared lately."""
    rows = EvidenceSealFile.objects.order_by("host", "file")
    if now is not None:
        rows = rows.filter(compared_at__gt=now - COUNTS_FOR)
    return [(row.host, text) for row in rows for text in row.problems]


def seal_files() -> dict[str, str]:
    """Say of each machine's file of seals what its last comparison found."""
    rows = EvidenceSealFile.objects.order_by("host", "file")
    return {f"{row.host}, {row.path}": file_words(row) for row in rows}


def file_words(row: EvidenceSealFile) -> str:
    """Say what a file covers, when it was compared, and what does not fit."""
    at = site_time(row.compared_at)
    days = ""
    if row.pass_at is not None and row.seals:
        days = f", blocks and entries since {site_time(row.pass_at):%Y-%m-%d %H:%M:%S %Z}"
    covers = f"seals of {span(row.first_day, row.last_day)}" if row.seals else "no seal yet"
    fits = f"DOES NOT FIT: {'; '.join(row.problems)}" if row.problems else "fits"
    return f"{covers}, compared {at:%Y-%m-%d %H:%M:%S %Z}{days}: {fits}"


def accept(file: HeldFile, found: Look, by: str, reason: str, now: datetime) -> None:
    """Let a person's word end the problems of a look, all acceptable; the file keeps who, when, why and what.

    Blocks that are filed under a wrong day are filed again, so that a seal covers them, and the chain goes on after
    its last block: what was wrong is a problem once more when it comes back, unless it cannot be put right.
    """
    taken = found.misfits
    days = sorted({day for one in taken for day in one.days})
    texts = [text for one in taken if not one.is_undone for text in (one.text, one.later) if text]
    undone = [one.text for one in taken if one.is_undone]
    gone = max((one.gone for one in taken), default="")
    line = SealLine(at=now.isoformat(), accepted=texts, undone=undone, days=days, gone=gone, by=by, reason=reason)
    file.add([line])
    known = known_seals(file.lines())
    EvidenceSealFile.objects.filter(file=known.file).update(seals=len(known.seals))
    sealed, progress = last_seal(known), read_progress(file.path, known.file)
    if undone:
        put_head_right()
        file_by_time(sealed, now)
        left = tuple(misfiled(sealed, now))  # Days were sealed that have not come: no earlier one can seal these.
        file.add([msgspec.structs.replace(line, accepted=left, undone=(), days=(), gone="")] if left else [])
    write_progress(file.path, msgspec.structs.replace(progress, seen=NONE_SEEN))
