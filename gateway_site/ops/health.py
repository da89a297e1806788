"""``/health/live`` and ``/health/ready``: for load balancers, Docker and people. They show no call data."""

import hashlib
import hmac

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

    ``degraded`` names what a person has to look at meanwhile; no load balancer should take the gateway away for it.
    """
    looks = list(probes.vital())
    is_ready = all(one.ok for one in looks)
    status, number = ("ready", 200) if is_ready else ("not ready", 503)
    parts = {one.name: {"ok": one.ok, "detail": one.detail} for one in looks}
    return JsonResponse(
        {"status": status, "parts": parts, "degraded": degraded(clock.now()) if is_ready else []}, status=number
    )
