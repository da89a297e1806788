"""``/health/live`` and ``/health/ready``: for load balancers, Docker and people. They show no call data."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import clock
from gateway_site.ops import probes
from gateway_site.ops.degraded import degraded


@never_cache
@require_safe
def live(_: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves requests at all."""
    return JsonResponse({"status": "alive"})


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
