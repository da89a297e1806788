"""``/health/live`` and ``/health/ready``: for load balancers, Docker and people. They show no call data."""

import hashlib
import hmac
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import clock
from gateway_site.ops import probes
from gateway_site.ops.degraded import degraded

#: The header of ``/health/live`` that says whose answer it is.
INSTALLATION = "Gateway-Installation"


@never_cache
@require_safe
def live(_: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves requests at all; a header names the installation."""
    return JsonResponse({"status": "alive"}, headers={INSTALLATION: installation()})


def installation() -> str:
    """Return what all programs with the same ``SECRET_KEY`` say of themselves; nobody can compute the key from it."""
    return hmac.new(settings.SECRET_KEY.encode(), b"installation", hashlib.sha256).hexdigest()[:16]


@never_cache
@require_safe
def ready(_: HttpRequest) -> JsonResponse:
    """Answer 200 when events can be taken and kept, otherwise 503 with what is missing.

    ``degraded`` names all that a person has to look at, what is missing first; no load balancer should take the gateway
    away for the rest of it.
    """
    looks = list(probes.vital())
    is_ready = all(one.ok for one in looks)
    status, number = ("ready", 200) if is_ready else ("not ready", 503)
    parts = {one.name: {"ok": one.ok, "detail": one.detail} for one in looks}
    return JsonResponse({"status": status, "parts": parts, "degraded": _degraded(looks)}, status=number)


def _degraded(looks: Sequence[probes.Probe]) -> list[str]:
    """Return a sentence for each part that is not well; without the database the others are not known."""
    missing = {one.name: one.detail for one in looks if not one.ok}
    said = [f"{name.capitalize()}: {detail}." for name, detail in missing.items()]
    return said if missing.keys() & set(probes.NEEDED_BY_ALL) else [*said, *degraded(clock.now())]
