"""Export what proves one recording: its entries, the way to their seals, and the values that are still kept."""

from collections.abc import Callable, Mapping

import msgspec

from evidence.merkle import leaf_hash, path_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceKey, EvidenceSeal
from evidence.records import (
    EXPORT_FORMAT,
    EvidenceExport,
    ExportedEntry,
    ExportedSeal,
    ExportedValue,
    KeyChange,
    SignedKeyChange,
)
from evidence.verification import is_signed_by_both

#: The values of a flag write by name, as far as they are still kept.
KeptValues = Callable[[int], Mapping[str, str]]


class NoEvidence(Exception):
    """Nothing is known of the recording; another try may find it once its flag write has ended."""


def has_evidence(guid: str) -> bool:
    """Say whether an entry is kept of a recording."""
    return EvidenceEntry.objects.filter(recording_guid=guid).exists()


def export_of(guid: str, kept: KeptValues) -> EvidenceExport:
    """Return the export of a recording. Raises ``NoEvidence``."""
    rows = list(EvidenceEntry.objects.filter(recording_guid=guid).select_related("block").order_by("number"))
    if not rows:
        raise NoEvidence(
            "There is no evidence of this recording: it has no flag write that ended, or one that was queued in the"
            " last few minutes (an entry is made two minutes after), or it is too old."
        )
    days = sorted({row.block.day for row in rows})
    seals = {seal.day: seal for seal in EvidenceSeal.objects.filter(day__in=days)}
    return EvidenceExport(
        format=EXPORT_FORMAT,
        recording=guid,
        entries=[_entry(row, seals.get(row.block.day), kept) for row in rows],
        seals=[_seal(day.isoformat(), seals.get(day)) for day in days],
        key_changes=key_changes(),
    )


def key_changes() -> list[SignedKeyChange]:
    """Return the changes from key to key that both signed, oldest first; others say nothing."""
    rows = EvidenceKey.objects.exclude(change="").order_by("made_at").values_list("change", flat=True)
    return [change for change in map(_change, rows) if change is not None]


def unsigned_changes() -> list[str]:
    """Return the keys beside which something stands that is no change signed by both."""
    rows = EvidenceKey.objects.exclude(change="").order_by("made_at").values_list("public", "change")
    return [public for public, text in rows if _change(text) is None]


def _change(text: str) -> SignedKeyChange | None:
    try:
        signed = msgspec.json.decode(text, type=SignedKeyChange)
        change = msgspec.json.decode(signed.text, type=KeyChange)
    except msgspec.MsgspecError:
        return None
    return signed if is_signed_by_both(signed, change) else None


def _entry(row: EvidenceEntry, seal: EvidenceSeal | None, kept: KeptValues) -> ExportedEntry:
    bodies = list(row.block.entries.order_by("number").values_list("number", "body"))
    index = [number for number, _ in bodies].index(row.number)
    blocks = EvidenceBlock.objects.filter(day=row.block.day).order_by("number")
    hashes = [bytes.fromhex(one) for one in blocks.values_list("hash", flat=True)] if seal else []
    at = row.block.number - (blocks.values_list("number", flat=True)[0] if seal else row.block.number)
    values = kept(row.write_id)
    return ExportedEntry(
        body=row.body,
        index=index,
        path=[one.hex() for one in path_of([leaf_hash(body.encode()) for _, body in bodies], index)],
        header=row.block.header,
        block_index=at,
        block_path=[one.hex() for one in path_of(hashes, at)] if seal else [],
        day=row.block.day.isoformat(),
        # A salt without its value would let whoever holds the export find a deleted number by trying.
        values=[ExportedValue(name, salt, values[name]) for name, salt in row.salts.items() if name in values],
    )


def _seal(day: str, seal: EvidenceSeal | None) -> ExportedSeal:
    return ExportedSeal(day, seal.statement if seal else "", seal.signature if seal else "")
