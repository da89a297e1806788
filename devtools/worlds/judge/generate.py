"""A world from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from . import calls, transfers
from .emit import FAULTS, with_faults
from .log_ons import seat_all
from .people import HABITS, Style, chosen_site, with_habits
from .scenario import Qms
from .scenario import Site as SiteConfig
from .stage import Stage
from .stories import (
    conferences,
    failures,
    forwards,
    offers,
    outside,
    parks,
    partial_reports,
    queues,
    recorders,
    wrapups,
)
from .world import World

ONE: dict[str, Callable[[Stage, float, str], float]] = {
    "queue": calls.queue_call,
    "direct": calls.direct_call,
    "short": calls.short_call,
    "outbound": calls.outbound_call,
    "requeued": calls.requeued_call,
    "abandoned": calls.abandoned_call,
    "failed": calls.failed_call,
    "overflowed": calls.overflowed_call,
    "hold": calls.hold_call,
    "wrapup": calls.wrapup_call,
}
TWO: dict[str, Callable[[Stage, float, str, str], float]] = {
    "internal": calls.internal_call,
    "colleague": calls.colleague_call,
    "pickup": calls.pickup_call,
    "parked": calls.parked_call,
    "attended": transfers.attended_transfer,
    "ringing": transfers.ringing_transfer,
    "blind": transfers.blind_transfer,
    "unanswered": transfers.unanswered_transfer,
    "consultation": transfers.consultation,
    "vain": transfers.vain_consultation,
    "conference": transfers.conference,
}
THREE: dict[str, Callable[[Stage, float, str, str, str], float]] = {"chained": transfers.chained_transfer}
KINDS = (*ONE, *TWO, *THREE)
MORE_ONE: dict[str, Callable[[Stage, float, str], float]] = {
    "blind_outside": outside.blind_outside,
    "attended_outside": outside.attended_outside,
    "joined": outside.joined_customers,
    "two_customers": outside.two_customers,
    "diverted_outside": outside.diverted_outside,
    "conference_outside": outside.conference_outside,
    "back_from_outside": outside.back_from_outside,
    "overflows": queues.overflows,
    "fails_outside": failures.fails_outside,
    "late_wrapup": wrapups.late_wrapup,
    "recorded_anew": recorders.recorded_anew,
    "queue_outside": forwards.queue_outside,
    "two_queues": queues.two_queues,
}
MORE_TWO: dict[str, Callable[[Stage, float, str, str], float]] = {
    "rings_in_vain": queues.rings_in_vain,
    "fails_in_consultation": failures.fails_in_consultation,
    "fails_from_queue": failures.fails_from_queue,
    "listened_to": offers.listened_to,
    "parked_long": parks.parked_long,
    "conference_wrapup": conferences.conference_wrapup,
    "handed_wrapups": wrapups.handed_wrapups,
    "forwarded": forwards.forwarded,
    "fails_after_transfer": forwards.fails_after_transfer,
    "led_to_queue": queues.led_to_queue,
    "reported_apart": partial_reports.reported_apart,
}
MORE_THREE: dict[str, Callable[[Stage, float, str, str, str], float]] = {
    "rings_at_all": offers.rings_at_all,
    "conference_of_three": conferences.conference_of_three,
}
#: More kinds of calls, and habits of a source, for players that need not know every wire.
STORIES = (*MORE_ONE, *MORE_TWO, *MORE_THREE)
MORE_KINDS = (*STORIES, *HABITS)
# A source that sends only Established and ConnectionCleared cannot tell of these: in its stream a resumed, parked or
# conferred call looks like another one, so that such a source would not state its calls truly.
NOT_MINIMAL = frozenset(
    [
        "parked",
        "unanswered",
        "ringing",
        "pickup",
        "colleague",
        "conference",
        "abandoned",
        "wrapup",
        "failed",
        "overflowed",
        "vain",
        *STORIES,
    ]
)


class Ways(Struct, frozen=True):
    """Say what kind of source a world has, where that is not left to chance.

    `style`: its habits. `reuses`: ids come back. `seats`: who is logged on where. `idles`: how often hours pass.
    `renews`: QMS begins a new recording where a call is handed on.
    """

    style: Style | None = None
    reuses: bool = True
    seats: Callable[[Stage, float], None] = seat_all
    idles: float = 0.03
    renews: bool = False


CHANCE = Ways()


def generate(seed: int, kinds: Iterable[str] = (*KINDS, *FAULTS), size: int = 6, ways: Ways = CHANCE) -> World:
    """Make the world of a seed; the same seed, kinds, size and ways make the same world."""
    rng, allowed = Random(seed), frozenset(kinds)
    site = chosen_site(rng)
    site = replace(site, style=ways.style) if ways.style else site
    site = replace(site, style=with_habits(site.style, Random(f"habits {seed}"), allowed))
    hot = rng.random() < 0.35
    reuse = (1.0 if hot else rng.choice((0.0, 0.7, 0.95))) * ways.reuses
    stage = Stage(rng, site, hot=hot, reuse=reuse, recorded=rng.choice((0.8, 1.0)))
    stage.renew_hold, stage.renew_transfer = rng.choice((0.0, 0.3)), rng.choice((0.0, 0.5, 1.0))
    stage.renew_transfer = 1.0 if ways.renews else stage.renew_transfer
    ways.seats(stage, 120.0)
    usable = [x for x in (*KINDS, *STORIES) if x in allowed and not (site.style.minimal and x in NOT_MINIMAL)]
    happened = _happenings(stage, usable, rng.randint(2, size + 3 * hot), ways.idles)
    config = SiteConfig(devices=site.phones)
    qms = Qms(interval_seconds=rng.choice((0.1, 0.2, 0.5)))
    world = World(
        seed, config, tuple(stage.said), tuple(stage.truths), stage.incarnations(), qms, kinds=tuple(happened)
    )
    return with_faults(world, rng, stage, allowed)


def _happenings(stage: Stage, usable: list[str], count: int, idles: float) -> list[str]:
    rng, t, happened = stage.rng, 0.0, []
    for _ in range(count if usable else 0):
        kind, t = rng.choice(usable), round(t + rng.choice((0.2, 0.5) if stage.hot else (0.2, 0.5, 2.0, 7.0, 25.0)), 3)
        t = _next_start(stage, t)
        # An id may come back after hours, too; who received nothing about its end must not wait for it without end.
        t += rng.choice((600.0, 20000.0)) if rng.random() < idles else 0.0
        free = [x for x in stage.site.phones if stage.busy.get(x, -9.0) + 0.19 <= t]
        rng.shuffle(free)
        stage.group += 1
        _happen(stage, kind, t, free)
        happened.append(kind)
    return happened


def _next_start(stage: Stage, t: float) -> float:
    ends = [x + 0.2 for x in stage.busy.values()]
    soon = [x for x in ends if x >= t]
    idle = len(soon) < len(stage.site.phones) - 1
    # Often exactly 0.2 s after another call ended: calls back to back, and ids that come back at once.
    if soon and (not idle or stage.rng.random() < (0.8 if stage.hot else 0.5)):
        return round(sorted(soon)[min(len(soon) - 1, 1)] if not idle else min(soon), 3)
    return t


ONE_ALL, TWO_ALL, THREE_ALL = ONE | MORE_ONE, TWO | MORE_TWO, THREE | MORE_THREE


def _happen(stage: Stage, kind: str, t: float, free: list[str]) -> None:
    if kind in ONE_ALL and free:
        end = ONE_ALL[kind](stage, t, free[0])
        stage.take(free[0], end)
    elif kind in TWO_ALL and len(free) > 1:
        end = TWO_ALL[kind](stage, t, free[0], free[1])
        stage.take(free[0], end)
        stage.take(free[1], end)
    elif kind in THREE_ALL and len(free) > 2:
        end = THREE_ALL[kind](stage, t, free[0], free[1], free[2])
        for phone in free[:3]:
            stage.take(phone, end)
