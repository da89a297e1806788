"""What a run leaves behind: the truth, QMS's recordings, the gateway's legs and gaps, the faults done to it."""

import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from calls.models import Checkpoint, Gap, Leg
from cti.api import JournalError, read_journal
from devtools.faults.stepped_clock import Clock
from flags.catalogue.values import FlagSpec
from flags.models import UNSETTLED, FlagSetting, FlagWrite
from simulators.pbx.truth_log import CallLine, LegLine


class QmsRecording(msgspec.Struct, frozen=True, rename="camel"):
    """A recording as the simulated QMS reports it; ``writes`` counts the requests that it took."""

    guid: str
    extension: str
    started_at: datetime
    flags: dict[str, str] = {}
    writes: int = 0


class _State(msgspec.Struct, frozen=True):
    recordings: list[QmsRecording]


class SeenLeg(msgspec.Struct, frozen=True):
    """A leg as the gateway knows it."""

    device_id: str
    call_id: str
    connected_at: datetime
    guid: str | None
    outcome: str
    reason: str


class LinkGap(msgspec.Struct, frozen=True):
    """A gap as the gateway's ledger has it."""

    began_at: datetime
    ended_at: datetime | None
    legs_saved: int = 0
    legs_lost: int = 0


class Injected(msgspec.Struct, frozen=True):
    """A fault that was done. ``reach``: how long after its end it may still be felt. ``breaks_link``: a gap is due.

    ``felt_from``: when it began to be felt, where that is later.
    """

    kind: str
    began: datetime
    ended: datetime
    reach: timedelta
    hurts_searches: bool
    breaks_link: bool = False
    felt_from: datetime | None = None


def truth(path: Path) -> list[LegLine]:
    """Read the simulated PBX's ledger."""
    decoder = msgspec.json.Decoder(LegLine | CallLine)
    lines = (decoder.decode(line) for line in path.read_bytes().splitlines())
    return [one for one in lines if isinstance(one, LegLine)]


def held_recordings(address: str) -> list[QmsRecording]:
    """Ask the simulated QMS."""
    with urllib.request.urlopen(f"{address}/state", timeout=60) as answer:
        return msgspec.json.decode(answer.read(), type=_State).recordings


def seen_legs() -> list[SeenLeg]:
    """Read the gateway's legs."""
    names = ("device_id", "call_id", "connected_at", "recording_guid", "outcome", "reason")
    return [SeenLeg(*row) for row in Leg.objects.values_list(*names)]


def link_gaps(clock: Clock) -> list[LinkGap]:
    """Read the gateway's ledger of gaps, each from the earliest to the latest moment that its clock may have meant."""
    return [
        LinkGap(
            clock.true_times(row.began_at)[0],
            clock.true_times(row.ended_at)[1] if row.ended_at else None,
            row.legs_saved,
            row.legs_lost,
        )
        for row in Gap.objects.all()
    ]


def flag_specs() -> list[FlagSpec]:
    """Read which flags are written."""
    return [
        FlagSpec(name=one.name, field=one.field, max_length=one.max_length, privacy=one.privacy, order=one.order)
        for one in FlagSetting.objects.filter(enabled=True)
    ]


def unfinished() -> int:
    """Count what the gateway still has to do."""
    return Leg.objects.filter(outcome="waiting").count() + FlagWrite.objects.filter(state__in=UNSETTLED).count()


def has_waiting_events() -> bool:
    """Say whether the journal holds what is not folded; also where it cannot be asked."""
    try:
        return any(read_journal(one.source.slug, one.last_id, 1) for one in Checkpoint.objects.select_related("source"))
    except JournalError:
        return True
