"""The legs that a transcript of a world must expect."""

from __future__ import annotations

from math import floor

from .connected_spans import Replay, Stay
from .expect import Expected, Stream, expected_of
from .player import Leg
from .world import World

NEAR = 0.002


def right_legs(world: World) -> tuple[Leg, ...]:
    """Return the legs that are right, with the flags that are owed; for a person to read and correct.

    The judge itself asks less of legs than of flags: how many legs a call has where QMS has no recording is the
    gateway's choice (decision 6). Legs whose beginning was not reported are left out.
    """
    stream = Stream(world)
    rows = {}
    for row in (expected_of(stream, t) for t in world.truths):
        start = floor(row.truth.leg_start) if world.whole_seconds else row.truth.leg_start
        rows[row.truth.extension, start] = row
    stays = _joined(Replay(world.site.devices).run([x for x in world.said if not x.lost]), rows)
    return tuple(_leg(stay, rows.get((stay.phone, stay.start))) for stay in stays)


def _joined(stays: list[Stay], rows: dict[tuple[str, float], Expected]) -> list[Stay]:
    """Join the parts of a stay over a transfer unless QMS began again with it."""
    out: list[Stay] = []
    for stay in sorted(stays, key=lambda x: x.start):
        last = next((x for x in out if x.phone == stay.phone and abs(x.end - stay.start) < NEAR), None)
        if stay.moved_from and last and (stay.phone, stay.start) not in rows:
            last.end, last.key, last.id = stay.end, stay.key, stay.id
        else:
            out.append(stay)
    return out


def _leg(stay: Stay, row: Expected | None) -> Leg:
    end = stay.end if stay.end < 1e8 else None
    if row is None:
        return Leg(stay.phone, stay.start, end, stay.id, None, "not_recorded", "", {})
    if row.duty == "excused":
        return Leg(stay.phone, stay.start, end, stay.id, None, "window_missed", "", {})
    flags = {k: (v.values or v.parts)[0] for k, v in row.flags.items() if v.duty != "excused"}
    return Leg(stay.phone, stay.start, end, row.truth.refs[0], row.truth.guid, "flagged", "", flags)
