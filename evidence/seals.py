"""Seal the days that are over: one signature over all blocks of a day, and over the seal before."""

from collections.abc import Container
from datetime import date, datetime

import msgspec
import structlog
from django.db import transaction
from django.db.models import Sum

from clock.text import site_time
from evidence.audit import day_problems
from evidence.chain import held_head
from evidence.comparison import seal_file_path
from evidence.due import misfits_of
from evidence.guard import Look, keep_problem, keep_unusable, look, standing_problems
from evidence.keys import present_key, sign
from evidence.merkle import root_of
from evidence.models import EvidenceBlock, EvidenceKey, EvidenceSeal
from evidence.records import NOTHING_BEFORE, BlockHeader, SealStatement, as_text, text_hash
from evidence.seal_file import FileHeld, HeldFile, NoSealLine, SealLine, held_file, known_seals, words_of
from evidence.unsealed import oldest_unsealed
from evidence.verification import is_signed

log = structlog.get_logger()


class NotToBeSealed(Exception):
    """What no longer fits at the last moment before a day is signed; the text says what."""


def seal_days(now: datetime) -> int:
    """Seal each day that is over and has blocks, oldest first; return how many. Raises ``VaultError``.

    Nothing is signed while the database does not fit the seals that this machine, or another one, has seen.
    """
    try:
        with held_file(seal_file_path(), now) as file:
            found = look(file, now)
            return 0 if found.misfits or standing_problems(now) else _seal_over(file, found, now)
    except FileHeld:
        log.warning("evidence_file_held")  # By a person's comparison, or by the run before: the next one compares.
    except (OSError, NoSealLine) as error:
        keep_unusable(f"the file of seals {seal_file_path()} cannot be used: {words_of(error)}", now)
    except (ValueError, OverflowError) as error:
        keep_unusable(f"a row of the evidence in the database cannot be read: {error}", now)
    return 0


def _seal_over(file: HeldFile, found: Look, now: datetime) -> int:
    count = 0
    while (day := oldest_unsealed()) is not None and day < site_time(now).date():
        try:
            seal = _seal(day, found.known.accepted, now)
        except NotToBeSealed as wrong:
            keep_problem(found.known, str(wrong))
            break
        if seal:
            file.add([SealLine(at=now.isoformat(), statement=seal.statement, signature=seal.signature, day=str(day))])
        count += 1
    return count


def put_back(now: datetime) -> list[str]:
    """Put seals of this machine's file back that the database lost, where its blocks and entries fit; return the days.

    Raises ``OSError`` and ``ValueError``.
    """
    with held_file(seal_file_path(), now) as file:
        known = known_seals(file.lines())
    there = {str(day) for day in EvidenceSeal.objects.values_list("day", flat=True)}
    return [day for day, line in sorted(known.seals.items()) if day not in there and _put_back(line)]


@transaction.atomic
def _put_back(line: SealLine) -> bool:
    held_head()
    statement = msgspec.json.decode(line.statement, type=SealStatement)
    key = EvidenceKey.objects.defer("private").filter(public=statement.key).first()
    day = date.fromisoformat(statement.day)
    if key is None or any(day_problems(day, line.statement)):
        return False
    first = EvidenceBlock.objects.get(number=statement.first_block)
    EvidenceSeal.objects.create(
        day=day,
        statement=line.statement,
        signature=line.signature,
        key=key,
        blocks=statement.blocks,
        entries=statement.last_entry - msgspec.json.decode(first.header, type=BlockHeader).first_entry + 1,
        at=datetime.fromisoformat(statement.at),
    )
    return True


@transaction.atomic
def _seal(day: date, accepted: Container[str], now: datetime) -> EvidenceSeal | None:
    head = held_head()
    if EvidenceSeal.objects.filter(day=day).exists():
        return None  # Another worker was quicker; the next comparison adds its seal to the file.
    # What is appended from now on belongs to a later day, whatever the clock does.
    head.last_day = max(head.last_day or day, site_time(now).date())
    head.save(update_fields=["last_day"])
    before = EvidenceSeal.objects.filter(day__lt=day).order_by("-day").first()
    blocks = list(EvidenceBlock.objects.filter(day=day).order_by("number"))
    sealed = msgspec.json.decode(before.statement, type=SealStatement) if before else None
    # What is signed is what was looked at: it may be changed in the database meanwhile.
    if wrong := next(misfits_of(blocks, sealed, accepted), None):
        raise NotToBeSealed(wrong.text)
    last = msgspec.json.decode(blocks[-1].header, type=BlockHeader)
    first = msgspec.json.decode(blocks[0].header, type=BlockHeader)
    key = present_key(now)
    statement = SealStatement(
        day=day.isoformat(),
        previous=text_hash(before.statement) if before else NOTHING_BEFORE,
        first_block=blocks[0].number,
        blocks=len(blocks),
        last_entry=last.first_entry + last.entries - 1,
        root=root_of([bytes.fromhex(text_hash(one.header)) for one in blocks]).hex(),
        at=now.isoformat(),
        key=key.public,
    )
    text = as_text(statement)
    signature = sign(key, text)
    if not is_signed(text, signature, key.public):
        raise NotToBeSealed(
            f"{day}, which is to be sealed: the key that signs is not {key.public[:16]}, though the database has it"
            " under this name"
        )
    return EvidenceSeal.objects.create(
        day=day,
        statement=text,
        signature=signature,
        key=key,
        blocks=len(blocks),
        entries=statement.last_entry - first.first_entry + 1,
        at=now,
    )


def sealed_entries() -> int:
    """Return how many entries the seals cover."""
    return EvidenceSeal.objects.aggregate(n=Sum("entries"))["n"] or 0
