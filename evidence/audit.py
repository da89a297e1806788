"""Verify the whole chain in the database, block after block, in bounded memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
from django.conf import settings

from clock.text import site_time
from evidence.chain import ChainEnd, head_problem
from evidence.export import key_changes
from evidence.merkle import leaf_hash, root_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidenceSeal
from evidence.records import NOTHING_BEFORE, BlockHeader, ExportedSeal, SealStatement, marked, text_hash
from evidence.seal_file import SealLine
from evidence.verification import NOTHING_RETIRED, followers, signature_problem, trusted_keys

#: Blocks that are read at once.
AT_ONCE = 200
#: A day's seal is made within this time after the day's end.
GRACE = timedelta(hours=1)
#: Entries of any day may be gone, as long as no older ones are there.
ALL_MAY_BE_GONE = "9999-12-31"


class AuditCount(msgspec.Struct):
    """How much was verified, and how much of that no seal covers.

    ``without_entries``: the oldest blocks, whose entries are no longer kept, up to a day. ``gone_early``: days of which
    entries are gone that should be kept.
    """

    blocks: int = 0
    entries: int = 0
    without_entries: int = 0
    without_until: str = ""
    gone_early: list[str] = msgspec.field(default_factory=list)
    seals: int = 0
    first_seal: str = ""
    last_seal: str = ""
    key: str = ""
    unsealed_blocks: int = 0
    unsealed_entries: int = 0
    unsealed_days: list[str] = msgspec.field(default_factory=list)


def chain_problems(
    count: AuditCount,
    public_key: str = "",
    retired: Mapping[str, str] = NOTHING_RETIRED,
    now: datetime | None = None,
    kept_from: str = ALL_MAY_BE_GONE,
) -> Iterator[str]:
    """Yield what is wrong with the chain.

    ``public_key``: the one to trust; without it the site's newest. ``retired``: see ``verification.problems``. With
    ``now`` a day that is over and has no seal is wrong as well. ``kept_from``: the first day whose entries are kept.
    """
    count.key = public_key or _newest_key()
    try:
        yield from _of_blocks(count, kept_from)
        yield from _of_seals(count, count.key, retired)
        yield from _without_seal(count, now)
    except (msgspec.MsgspecError, ValueError) as error:
        yield f"after {count.blocks} blocks and {count.seals} seals something cannot be read: {error}"


def chain_words(count: AuditCount, *, by_given_key: bool) -> list[str]:
    """Say what of a chain without problems is proved, and by which seals; the rest is only chained."""
    if not count.blocks:
        return ["The chain is empty: there is nothing to prove yet."]
    lines = [_sealed_words(count), *_unsealed_words(count)]
    if count.without_entries:
        first = "block" if count.without_entries == 1 else counted(count.without_entries, "block")
        lines.append(
            f"The entries of the first {first}, up to {count.without_until}, are gone, as RETENTION_DAYS lets them go."
        )
    if count.seals and not by_given_key:
        lines.append(
            f"The key {count.key} is the one that the database names: compare it with the published one, or give --key."
        )
    return lines


def _sealed_words(count: AuditCount) -> str:
    if not count.seals:
        return "NOT PROVED YET: no day is sealed."
    days = count.first_seal if count.seals == 1 else f"{count.first_seal} to {count.last_seal}"
    blocks, entries = count.blocks - count.unsealed_blocks, count.entries - count.unsealed_entries
    sealed = f"{counted(blocks, 'block')}, {counted(entries, 'entry')}"
    return f"Proved: {sealed}, by {counted(count.seals, 'daily seal')} ({days})."


def _unsealed_words(count: AuditCount) -> list[str]:
    if not count.unsealed_blocks:
        return []
    unsealed = f"{counted(count.unsealed_blocks, 'block')}, {counted(count.unsealed_entries, 'entry')}"
    only_chained = "They are only chained: whoever has the database can change them until their day is sealed"
    return [f"Not yet sealed: {unsealed}, of {', '.join(count.unsealed_days)}. {only_chained}."]


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def _without_seal(count: AuditCount, now: datetime | None) -> Iterator[str]:
    if now is None:
        return
    over = site_time(now - GRACE).date().isoformat()
    for day in count.unsealed_days:
        if day < over:
            yield f"{day} is over and has no seal: it was lost, or none was made"


def missing_seals(kept: Iterable[str]) -> Iterator[str]:
    """Yield which seals, whose statements were kept elsewhere, are not in the chain: it was cut off or replaced."""
    for text in filter(None, map(_statement, kept)):
        if not EvidenceSeal.objects.filter(statement=text).exists():
            yield f"a seal that was kept is not in the chain: {text[:60]}"


def _statement(line: str) -> str:
    """Return the statement in a line: it stands alone, or in a line of a file of seals, whose other lines have none."""
    try:
        read = msgspec.json.decode(line, type=SealLine, strict=True)
    except msgspec.MsgspecError:
        return line.strip()
    return read.statement if read.statement or read.begun or read.accepted or read.undone else line.strip()


def _newest_key() -> str:
    return EvidenceKey.objects.values_list("public", flat=True).first() or ""


def _of_blocks(count: AuditCount, kept_from: str) -> Iterator[str]:
    previous, next_block, next_entry = NOTHING_BEFORE, 1, 1
    sealed = _last_sealed_block()
    for block in EvidenceBlock.objects.order_by("number").iterator(AT_ONCE):
        header = msgspec.json.decode(block.header, type=BlockHeader)
        if block.number != next_block or header.block != block.number or header.first_entry != next_entry:
            yield f"before block {block.number} something is missing"
        elif header.previous != previous:
            yield f"block {block.number} does not follow the one before"
        if text_hash(block.header) != block.hash:
            yield marked(f"the header of block {block.number} was changed", block.header, block.hash)
        before = count.entries
        yield from _of_entries(block, header, count, kept_from)
        if block.number > sealed:
            _count_unsealed(count, block, count.entries - before)
        previous, next_block = text_hash(block.header), header.block + 1
        next_entry = header.first_entry + header.entries
        count.blocks += 1
    head = EvidenceHead.objects.filter(pk=1).first()
    if head is not None:
        yield from filter(None, [head_problem(head, ChainEnd(next_block - 1, next_entry - 1, previous))])


def _last_sealed_block() -> int:
    """Return the last block that a seal covers, by what is signed; the columns beside it are not."""
    text = EvidenceSeal.objects.order_by("-day").values_list("statement", flat=True).first()
    if text is None:
        return 0
    last = msgspec.json.decode(text, type=SealStatement)
    return last.first_block + last.blocks - 1


def _count_unsealed(count: AuditCount, block: EvidenceBlock, entries: int) -> None:
    count.unsealed_blocks += 1
    count.unsealed_entries += entries
    if (day := block.day.isoformat()) not in count.unsealed_days:
        count.unsealed_days.append(day)


def _of_entries(block: EvidenceBlock, header: BlockHeader, count: AuditCount, kept_from: str) -> Iterator[str]:
    entries = list(EvidenceEntry.objects.filter(block=block).order_by("number").defer("salts"))
    if not entries and not count.entries:
        yield from _of_gone(block, count, kept_from)
        return
    numbers = [one.number for one in entries]
    if numbers != list(range(header.first_entry, header.first_entry + header.entries)):
        wrong = f"entries of block {block.number} are missing"
    elif root_of([leaf_hash(one.body.encode()) for one in entries]).hex() != header.root:
        wrong = f"an entry of block {block.number} was changed"
    else:
        wrong = next(filter(None, map(_filed_wrongly, entries)), "")
    if wrong:
        yield marked(wrong, *map(_all_of, entries))
    count.entries += len(entries)


def _all_of(entry: EvidenceEntry) -> str:
    of = (entry.number, entry.recording_guid, entry.leg_id, entry.write_id, entry.write_end, entry.body)
    return " ".join(map(str, of))


def _filed_wrongly(entry: EvidenceEntry) -> str:
    """Say which column beside an entry is not as its text says: by these it is found, and its values are erased."""
    columns = {
        "recording": entry.recording_guid,
        "leg": entry.leg_id,
        "write": entry.write_id,
        "retry": entry.write_end,
    }
    try:
        body = msgspec.json.decode(entry.body, type=dict[str, msgspec.Raw])
        other = [name for name, value in columns.items() if name in body and msgspec.json.decode(body[name]) != value]
    except msgspec.MsgspecError:
        return f"entry {entry.number} cannot be read"
    return f"entry {entry.number} is filed under another {other[0]}" if other else ""


def _of_gone(block: EvidenceBlock, count: AuditCount, kept_from: str) -> Iterator[str]:
    """Entries go with their days, the oldest first, after ``RETENTION_DAYS``; once a day say that others are gone."""
    day = block.day.isoformat()
    if day < kept_from:
        count.without_entries, count.without_until = count.without_entries + 1, day
    elif day not in count.gone_early:
        count.gone_early.append(day)
        yield f"entries of {day} are gone, from block {block.number} on, though RETENTION_DAYS still keeps them"


def first_kept_day(now: datetime, gone_until: str = "") -> str:
    """Return the first day whose entries are kept. ``gone_until``: up to here they went when fewer days were kept."""
    oldest = site_time(now + GRACE - timedelta(days=settings.RETENTION_DAYS)).date()
    gone = date.fromisoformat(gone_until) + timedelta(days=1) if gone_until else oldest
    return max(oldest, gone).isoformat()


def day_problems(
    day: date, statement: str, kept_from: str = ALL_MAY_BE_GONE, count: AuditCount | None = None
) -> Iterator[str]:
    """Yield where the blocks and entries of a sealed day are not those that its statement names.

    ``kept_from``: the first day whose entries are kept.
    """
    blocks = list(EvidenceBlock.objects.filter(day=day).order_by("number"))
    signed = msgspec.json.decode(statement, type=SealStatement)
    hashes = [bytes.fromhex(text_hash(block.header)) for block in blocks]
    numbers = list(range(signed.first_block, signed.first_block + signed.blocks))
    is_as_sealed = bool(blocks) and root_of(hashes).hex() == signed.root and signed.day == day.isoformat()
    if not is_as_sealed or [block.number for block in blocks] != numbers:
        yield marked("its blocks are not those that were sealed", *map(_number_and_header, blocks))
    try:
        yield from _of_day(blocks, kept_from, AuditCount() if count is None else count)
    except msgspec.MsgspecError:
        yield marked("a header of its blocks cannot be read", *map(_number_and_header, blocks))


def _number_and_header(block: EvidenceBlock) -> str:
    return f"{block.number} {block.header}"


def order_problems(blocks: Sequence[EvidenceBlock], sealed: SealStatement | None) -> Iterator[str]:
    """Yield which blocks do not follow those of the last seal, ``sealed``. Raises ``MsgspecError``."""
    number, entry = (sealed.first_block + sealed.blocks - 1, sealed.last_entry) if sealed else (0, 0)
    before = EvidenceBlock.objects.filter(number=number).values_list("header", flat=True).first()
    previous = text_hash(before) if before is not None else NOTHING_BEFORE
    for block in blocks:
        header = msgspec.json.decode(block.header, type=BlockHeader)
        place = (header.previous, header.block, block.number, header.first_entry)
        if place != (previous, number + 1, number + 1, entry + 1):
            yield f"block {block.number} does not follow the one before"
        previous, number, entry = text_hash(block.header), block.number, entry + header.entries


def entry_problems(blocks: Sequence[EvidenceBlock]) -> Iterator[str]:
    """Yield which blocks of a day without a seal have other entries than they say. Raises ``MsgspecError``."""
    yield from _of_day(blocks, "", AuditCount())


def _of_day(blocks: Sequence[EvidenceBlock], kept_from: str, count: AuditCount) -> Iterator[str]:
    """Entries may be gone, as the oldest go: not where older ones are there."""
    has_older = bool(blocks) and EvidenceEntry.objects.filter(block__number__lt=blocks[0].number).exists()
    count.entries = 1 if has_older else 0
    for block in blocks:
        if text_hash(block.header) != block.hash:
            yield marked(f"the header of block {block.number} was changed", block.header, block.hash)
        yield from _of_entries(block, msgspec.json.decode(block.header, type=BlockHeader), count, kept_from)


def _of_seals(count: AuditCount, public_key: str, retired: Mapping[str, str]) -> Iterator[str]:
    changes = key_changes()
    previous, trusted = NOTHING_BEFORE, trusted_keys(public_key, changes, retired)
    next_block, key = 1, ""
    for seal in EvidenceSeal.objects.order_by("day").iterator(AT_ONCE):
        statement = msgspec.json.decode(seal.statement, type=SealStatement)
        if statement.previous != previous or statement.first_block != next_block:
            yield f"before the seal of {seal.day} something is missing"
        made = ExportedSeal(str(seal.day), seal.statement, seal.signature)
        if wrong := signature_problem(made, statement, trusted, public_key[:16]):
            yield wrong
        elif key not in (statement.key, "") and key in followers(statement.key, changes):
            yield f"the seal of {seal.day} is by a key that was followed by {key[:16]}, which had sealed before"
        hashes = EvidenceBlock.objects.filter(day=seal.day).order_by("number").values_list("hash", flat=True)
        blocks = [bytes.fromhex(one) for one in hashes]
        if statement.day != seal.day.isoformat() or not blocks or root_of(blocks).hex() != statement.root:
            yield f"the blocks of {seal.day} are not those that were sealed"
        previous, next_block = text_hash(seal.statement), statement.first_block + statement.blocks
        key = statement.key
        count.first_seal, count.last_seal = count.first_seal or statement.day, statement.day
        count.seals += 1
