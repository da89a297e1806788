"""The panel of a Data Server about Flags that QMS may not take before a restart, and the test that they work."""

from datetime import datetime, timedelta

import msgspec
from django.http import HttpRequest

import clock
from clock.text import shown
from flags.models import FlagOnServer, FlagVerification
from flags.provisioning import verify_jobs
from qms.models import DataServer

VERIFY_PERMISSION = "flags.add_flagonserver"
#: How long the page Flags shows a successful test; the Data Server's page always shows the last one.
SHOWN_FOR = timedelta(days=1)
#: A worker begins at once; one that has not after this is not there.
_BEGINS_WITHIN = timedelta(seconds=10)


class VerificationVerdict(msgspec.Struct, frozen=True):
    """How the last verification went. ``colour`` is a word of the admin's labels."""

    word: str
    colour: str
    text: str
    advice: str = ""


class Created(msgspec.Struct, frozen=True):
    """Flags that were created at the same time."""

    at: str
    names: str


class VerificationPanel(msgspec.Struct, frozen=True, kw_only=True):
    """What a Data Server's panel shows. ``new``: Flags of which nobody knows whether they work."""

    server: DataServer
    services: str
    new: list[Created]
    said: str
    verdict: VerificationVerdict | None
    guid: str
    is_running: bool
    is_urgent: bool
    may_verify: bool
    error: str = ""


def verification_panel(request: HttpRequest, server: DataServer, error: str = "", typed: str = "") -> VerificationPanel:
    """Return a user's panel. ``error``: why nothing was begun; ``typed``: what stood in the field then."""
    now = clock.now()
    verification = FlagVerification.objects.filter(data_server=server).first() or FlagVerification(data_server=server)
    new = verify_jobs.unverified_flags(server)
    said = _said(verification, new)
    is_running = verify_jobs.is_running(verification, now)
    return VerificationPanel(
        server=server,
        services=", ".join(one.slug for one in server.services.filter(enabled=True, shadow=False)),
        new=_created(new),
        said=said,
        verdict=_verdict(verification, now),
        guid=typed or verification.recording_guid,
        is_running=is_running,
        is_urgent=bool(new) and not said,
        may_verify=request.user.has_perm(VERIFY_PERMISSION),
        error=error,
    )


def pressing_panels(request: HttpRequest) -> list[VerificationPanel]:
    """Return the panels that matter now: a notice, a verification that runs or failed, or one of the last day."""
    panels = [verification_panel(request, server) for server in DataServer.objects.all()]
    return [one for one in panels if one.new or one.is_running or _is_fresh(one)]


def _is_fresh(panel: VerificationPanel) -> bool:
    verification = FlagVerification.objects.filter(data_server=panel.server).first()
    if verification is None or verification.done_at is None:
        return panel.verdict is not None
    return not verification.is_good or clock.now() - verification.done_at < SHOWN_FOR


def _created(new: list[FlagOnServer]) -> list[Created]:
    """Return the new Flags by the moment at which they were created, oldest first."""
    by_moment: dict[datetime, list[str]] = {}
    for row in new:
        if row.new_since:
            by_moment.setdefault(row.new_since, []).append(row.name)
    return [Created(_at(at), ", ".join(by_moment[at])) for at in sorted(by_moment)]


def _said(verification: FlagVerification, new: list[FlagOnServer]) -> str:
    """Return who said, after the newest Flag was created, that QMS was restarted."""
    at = verification.restarted_at
    if at is None or any(row.new_since and row.new_since > at for row in new):
        return ""
    by = verification.restarted_by
    return f"{by} said at {_at(at)} that it was restarted. Whether the new Flags work was not verified."


def _verdict(verification: FlagVerification, now: datetime) -> VerificationVerdict | None:
    if verification.asked_at is None:
        return None
    if verification.done_at is not None:
        at = f"{_at(verification.done_at)}, asked for by {verification.asked_by}"
        if verification.is_good:
            return VerificationVerdict("verified", "success", f"{at}. {verification.found}")
        return VerificationVerdict("failed", "danger", f"{at}. {verification.found}", verification.advice)
    if not verify_jobs.is_running(verification, now):
        return VerificationVerdict(
            "did not end", "danger", "The worker was stopped, or none was there.", "Verify again."
        )
    if verification.begun_at is None and now >= verification.asked_at + _BEGINS_WITHIN:
        return VerificationVerdict(
            "waits",
            "warning",
            "No worker has begun it yet.",
            "See on the dashboard whether the worker of the queue default runs.",
        )
    return VerificationVerdict(
        "running", "info", f"Asked for at {_at(verification.asked_at)} by {verification.asked_by}."
    )


def _at(moment: datetime) -> str:
    return shown(moment)
