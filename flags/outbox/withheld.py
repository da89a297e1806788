"""Flag writes that are never sent: their Recording Service is in shadow mode, or was when their leg was connected.

They are settled without a word to QMS, and what another gateway wrote is read back later (``flags.shadow``).
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from django.db import connection, transaction
from django.db.models import Exists, Q, QuerySet

from flags.catalogue.written import written_names
from flags.models import UNSETTLED, FlagWrite, ShadowComparison, WriteState, state_is_one_of
from flags.outbox.state_machine import SHADOW_CODE, SHADOW_TEXT
from qms.models import RecordingService

#: Maximum number of writes that are settled at once.
AT_ONCE = 500
#: The first reading waits this much longer than the wrap-up may take, in seconds.
FIRST_LOOK_SECONDS = 60
#: After a switch, legs that were connected before it may close for this long.
SWITCH_ECHO = timedelta(days=31)


class Withheld(msgspec.Struct, frozen=True):
    """How many writes were settled, and the CTI sources whose consumers have answers to fold."""

    writes: int = 0
    source_ids: frozenset[int] = frozenset()
    is_more: bool = False


def withhold_due(service: RecordingService, now: datetime) -> Withheld:
    """Settle the next writes of a service that are never sent; committed when this returns."""
    waiting = _waiting(service, now)
    if waiting is None or not waiting.exists():
        return Withheld()
    with transaction.atomic():
        locked = waiting.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        sources = dict(locked.order_by("not_before", "id").values_list("pk", "source_id")[:AT_ONCE])
        count = _settle(list(sources), now)
        await_comparisons(list(sources), now)
    return Withheld(count, frozenset(sources.values()), len(sources) == AT_ONCE)


def await_comparisons(write_ids: Collection[int], now: datetime) -> None:
    """Have the recordings of withheld base flags read back later. Belongs into the caller's transaction."""
    withheld = FlagWrite.objects.filter(pk__in=write_ids, part="base", is_canary=False)
    rows = list(withheld.values_list("pk", "service_id", "service__wrapup_wait_seconds"))
    if not rows:
        return
    names = sorted(written_names())
    ShadowComparison.objects.bulk_create(
        [
            ShadowComparison(
                write_id=key,
                service_id=service_id,
                at=now,
                names=names,
                next_look_at=now + timedelta(seconds=wait + FIRST_LOOK_SECONDS),
            )
            for key, service_id, wait in rows
        ],
        ignore_conflicts=True,
    )


def _waiting(service: RecordingService, now: datetime) -> "QuerySet[FlagWrite] | None":
    """Return what is to be withheld; None where there can be nothing, so that nobody looks through a backlog."""
    is_switched = service.writing_since is not None and now - service.writing_since < SWITCH_ECHO
    if not (service.shadow or is_switched):
        return None
    nobody_has_it = Q(claimed_until=None) | Q(claimed_until__lt=now)
    unsettled = FlagWrite.objects.filter(
        state_is_one_of(UNSETTLED), nobody_has_it, service_id=service.pk, not_before__lte=now
    )
    if service.shadow:
        still = RecordingService.objects.filter(pk=service.pk, shadow=True)  # The row may be older than a switch.
        return unsettled.filter(Exists(still))
    return unsettled.filter(Q(is_shadow=True) | Q(created_at__lt=service.writing_since))


def _settle(write_ids: Collection[int], now: datetime) -> int:
    return FlagWrite.objects.filter(pk__in=write_ids, state__in=UNSETTLED).update(
        state=WriteState.SHADOW,
        is_shadow=True,
        error_code=SHADOW_CODE,
        error=SHADOW_TEXT,
        settled_at=now,
        claim=None,
        claimed_until=None,
        folded=False,
    )
