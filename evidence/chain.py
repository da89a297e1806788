"""Append entries to the chain: a block at a time, by whoever holds the head."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from django.db import transaction

from bulk.tables import UpsertTable
from clock.text import site_time
from evidence.merkle import leaf_hash, root_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead
from evidence.records import NOTHING_BEFORE, BlockHeader, SealedFlag, as_text, commitment, text_hash

SALT_BYTES = 16
#: The columns of an entry, in the order of ``_entry``.
_ENTRIES = UpsertTable(
    EvidenceEntry,
    ("number", "block", "recording_guid", "leg_id", "write_id", "write_end", "body", "salts"),
    ["number"],
)


class UnsealedFlag(msgspec.Struct, frozen=True):
    """A flag with its value; None where the value was erased."""

    name: str
    value: str | None
    cut: bool = False
    masked: bool = False


class UnsealedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry before it has a place. ``content``: what is said of it beside the flags; no value of a call."""

    recording_guid: str
    leg_id: int
    write_id: int
    write_end: int
    content: Mapping[str, object]
    flags: Sequence[UnsealedFlag]


def held_head() -> EvidenceHead:
    """Return the head, locked until the transaction ends: appending and erasing wait for each other."""
    EvidenceHead.objects.get_or_create(pk=1)
    return EvidenceHead.objects.select_for_update().get(pk=1)


class ChainEnd(msgspec.Struct, frozen=True):
    """The last block of the chain, its last entry and its hash."""

    block: int
    entry: int
    hash: str


def head_problem(head: EvidenceHead, end: ChainEnd) -> str:
    """Say that the chain ends elsewhere than its head says; empty where it does not."""
    if ChainEnd(head.last_block, head.last_entry, head.last_hash) == end:
        return ""
    where = f"block {end.block}, entry {end.entry}, {end.hash[:16]}"
    return f"the chain ends at {where}; its head says {head}, {head.last_hash[:16]}"


@transaction.atomic
def end_problem() -> str:
    """Say why nothing may be appended: what would be could not be sealed. Raises ``MsgspecError``."""
    return head_problem(held_head(), _end())


@transaction.atomic
def put_head_right() -> None:
    """Let the chain go on after its last block. Raises ``MsgspecError``."""
    head, end = held_head(), _end()
    head.last_block, head.last_entry, head.last_hash = end.block, end.entry, end.hash
    head.save(update_fields=["last_block", "last_entry", "last_hash"])


def _end() -> ChainEnd:
    text = EvidenceBlock.objects.order_by("-number").values_list("header", flat=True).first()
    if text is None:
        return ChainEnd(0, 0, NOTHING_BEFORE)
    last = msgspec.json.decode(text, type=BlockHeader)
    return ChainEnd(last.block, last.first_entry + last.entries - 1, text_hash(text))


def append(head: EvidenceHead, drafts: Sequence[UnsealedEntry], now: datetime) -> None:
    """Append a block of at least one entry; changes ``head``, which the caller holds and saves."""
    bodies = [_body(draft, head.last_entry + at) for at, draft in enumerate(drafts, 1)]
    # The day never goes back, whatever the clock does.
    day = max(site_time(now).date(), head.last_day or site_time(now).date())
    header = BlockHeader(
        block=head.last_block + 1,
        previous=head.last_hash,
        first_entry=head.last_entry + 1,
        entries=len(bodies),
        root=root_of([leaf_hash(one.text.encode()) for one in bodies]).hex(),
        at=now.isoformat(),
    )
    text = as_text(header)
    block = EvidenceBlock.objects.create(number=header.block, day=day, header=text, hash=text_hash(text))
    pairs = zip(drafts, bodies, strict=True)
    _ENTRIES.insert([_entry(draft, body, block.number) for draft, body in pairs])
    head.last_entry, head.last_block, head.last_hash, head.last_day = bodies[-1].number, block.number, block.hash, day


class _Body(msgspec.Struct, frozen=True):
    """An entry's text, and the salts of its commitments as JSON."""

    number: int
    text: str
    salts: str


def _body(draft: UnsealedEntry, number: int) -> _Body:
    salts = {flag.name: secrets.token_bytes(SALT_BYTES) for flag in draft.flags if flag.value is not None}
    flags = [_sealed(flag, salts.get(flag.name, b"")) for flag in draft.flags]
    body = {"entry": number, "recording": draft.recording_guid, **draft.content, "flags": flags}
    return _Body(number, as_text(body), msgspec.json.encode({name: one.hex() for name, one in salts.items()}).decode())


def _entry(draft: UnsealedEntry, body: _Body, block: int) -> tuple[int, int, str, int, int, int, str, str]:
    guid, leg, write, end = draft.recording_guid, draft.leg_id, draft.write_id, draft.write_end
    return body.number, block, guid, leg, write, end, body.text, body.salts


def _sealed(flag: UnsealedFlag, salt: bytes) -> SealedFlag:
    stands_for = "" if flag.value is None else commitment(salt, flag.name, flag.value)
    return SealedFlag(flag.name, stands_for, flag.cut, flag.masked)


@transaction.atomic
def forget_salts(leg_ids: Sequence[int]) -> None:
    """Let nobody find the values of these legs by trying; the chain stays as it is.

    Called in the transaction that erases the values, before them: an entry that is being appended is waited for.
    """
    held_head()
    EvidenceEntry.objects.filter(leg_id__in=leg_ids).update(salts={})
