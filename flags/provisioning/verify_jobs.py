"""The verifications that operators asked for: a worker carries them out, the page follows, success ends the notice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from kombu.exceptions import KombuError

import clock
from flags.call_lookup import call_lookup
from flags.catalogue.values import FlagSpec
from flags.catalogue.written import written_names, written_specs
from flags.models import FlagOnServer, FlagVerification, FlagWrite, WriteState
from flags.provisioning.create import BAD_STATES
from flags.provisioning.verify import ANOTHER, Verification, Wanted, verify_flags
from qms.api import ConnectService, connect
from qms.guids import spellings
from qms.models import DataServer
from qms.port import MAXIMUM_GUID_LENGTH

log = structlog.get_logger()

# After this time the message to the worker lapses, in seconds.
_EXPIRES_SECONDS = 60
#: Maximum number of calls to a service in one verification: connect, read under two spellings, list, write, read.
_CALLS = 6
#: Number of the newest writes that are searched for Flags that calls have verified.
_NEWEST = 5000
#: Timeout of the name server at each service, in seconds, in addition to the service's own timeout.
_NAME_SERVER_SECONDS = 20


class VerificationRefused(Exception):
    """The verification was not begun; the text says why."""

    retryable = False


def request_verification(server: DataServer, guid: str, asked_by: str, now: datetime) -> None:
    """Have a worker verify on a test recording that the new Flags work, unless one does so already.

    Raises ``VerificationRefused``: no GUID, a call's recording, or the broker does not take the message.
    """
    guid = _checked(guid)
    verification, _ = FlagVerification.objects.get_or_create(data_server=server)
    if is_running(verification, now):
        return
    changed = {} if verification.recording_guid == guid else {"sent_at": None, "recording_guid": guid}
    mine = FlagVerification.objects.filter(pk=server.pk, run=verification.run)
    mine.update(
        run=F("run") + 1,
        asked_at=now,
        asked_by=asked_by[:150],
        begun_at=None,
        done_at=None,
        is_good=False,
        found="",
        advice="",
        **changed,
    )
    try:
        args = [server.pk, verification.run + 1]
        current_app.send_task("flags.tasks.verify", args=args, queue="default", expires=_EXPIRES_SECONDS)
    except (KombuError, OSError) as error:
        log.warning("verification_not_sent", data_server=server.slug, error=type(error).__name__)
        why = "The verification could not be started: the broker (Redis) does not answer."
        FlagVerification.objects.filter(pk=server.pk, run=verification.run + 1).update(done_at=now, found=why)
        raise VerificationRefused(why) from error


def run_verification(server_id: int, run: int, connect: ConnectService = connect) -> None:
    """Verify and keep the result; a verification that was asked for again meanwhile is left to the later one."""
    mine = FlagVerification.objects.filter(pk=server_id, run=run, done_at=None)
    begun_at = clock.now()
    if not mine.filter(begun_at=None).update(begun_at=begun_at):
        return
    verification = FlagVerification.objects.select_related("data_server").get(pk=server_id)
    result = _verified(verification, connect)
    with transaction.atomic():
        found, advice = result.found[:1000], result.advice[:500]
        if not mine.update(done_at=clock.now(), is_good=result.is_good, found=found, advice=advice):
            return
        verified = FlagOnServer.objects.filter(data_server=server_id, name__in=result.names)
        verified.filter(Q(new_since=None) | Q(new_since__lte=begun_at)).update(
            verified_at=clock.now(), is_verified_by_call=False
        )
    log.info("flags_verified", data_server=verification.data_server.slug, is_good=result.is_good)


def take_word(server: DataServer, by: str, now: datetime) -> None:
    """Keep that a person says that QMS was restarted and that they cannot verify it."""
    FlagVerification.objects.update_or_create(
        data_server=server, defaults={"restarted_at": now, "restarted_by": by[:150]}
    )


def unverified_flags(server: DataServer) -> list[FlagOnServer]:
    """Return the Flags that were created on a Data Server, are written, and were not seen to work since."""
    names = written_names()
    return list(_all_unverified().filter(data_server=server, name__in=names).exclude(state__in=BAD_STATES))


def note_flags_verified_by_calls() -> None:
    """Take a new Flag as verified once QMS accepted it with a call's flags; beat calls this.

    Looks at the newest writes alone, so that it costs little where there are millions.
    """
    for row in _all_unverified():
        newest = FlagWrite.objects.aggregate(key=Max("pk"))["key"] or 0
        took = FlagWrite.objects.filter(
            pk__gt=newest - _NEWEST,
            service__data_server=row.data_server_id,
            state=WriteState.WRITTEN,
            settled_at__gt=row.new_since,
            values__name=row.name,
        )
        first = took.order_by("pk").values_list("settled_at", flat=True).first()
        if first:
            same = FlagOnServer.objects.filter(pk=row.pk, new_since=row.new_since, verified_at=None)
            same.update(verified_at=first, is_verified_by_call=True)


def is_running(verification: FlagVerification, now: datetime) -> bool:
    """Say whether a worker may still be doing it."""
    return verification.asked_at is not None and verification.done_at is None and now < _given_up_at(verification)


def _all_unverified() -> QuerySet[FlagOnServer]:
    return FlagOnServer.objects.filter(verified_at=None).exclude(new_since=None)


def _checked(text: str) -> str:
    """Return the GUID as it was given; refuses what cannot be one, and recordings of calls."""
    guid = text.strip()
    if not guid or len(guid) > MAXIMUM_GUID_LENGTH or not guid.isprintable():
        longest = f"at most {MAXIMUM_GUID_LENGTH} characters"
        raise VerificationRefused(f"Give the GUID of a test recording as QMS shows it: {longest}.")
    if _is_of_a_call(guid):
        raise VerificationRefused(f"This is the recording of a call that the gateway knows. {ANOTHER}")
    return guid


def _is_of_a_call(guid: str) -> bool:
    """Say whether the gateway holds or flags this recording for a call, in whatever spelling."""
    is_flagged = FlagWrite.objects.filter(recording_guid__in=spellings(guid)).exists()
    return is_flagged or call_lookup().is_recording_of_a_call(guid)


def _verified(verification: FlagVerification, connect: ConnectService) -> Verification:
    if _is_of_a_call(verification.recording_guid):  # A call has taken it since somebody asked.
        return Verification(
            is_good=False, found="This is the recording of a call that the gateway knows.", advice=ANOTHER
        )
    server = verification.data_server
    new = unverified_flags(server)
    sent = frozenset(
        one.name for one in new if verification.sent_at and one.new_since and one.new_since <= verification.sent_at
    )
    wanted = Wanted(guid=verification.recording_guid, specs=_specs(new), sent=sent, is_repeated=not new)
    ports = (
        (service.slug, partial(connect, service)) for service in server.services.filter(enabled=True, shadow=False)
    )
    mine = FlagVerification.objects.filter(pk=verification.pk, run=verification.run)
    return verify_flags(ports, wanted, lambda: mine.update(sent_at=clock.now()))


def _specs(new: Sequence[FlagOnServer]) -> list[FlagSpec]:
    """Return the Flags to verify: the new ones, or where none is new all that are written."""
    names = {one.name for one in new}
    return [spec for spec in written_specs() if not new or spec.name in names]


def _given_up_at(verification: FlagVerification) -> datetime:
    """Return when a verification must have ended if a worker is doing it."""
    if verification.begun_at is None:
        return (verification.asked_at or clock.now()) + timedelta(seconds=_EXPIRES_SECONDS)
    waits = verification.data_server.services.filter(enabled=True).values_list("timeout_seconds", flat=True)
    return verification.begun_at + timedelta(seconds=sum(wait * _CALLS + _NAME_SERVER_SECONDS for wait in waits) + 1)
