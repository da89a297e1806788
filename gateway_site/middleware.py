"""What happens to every request before its page: the client's address, what is logged and measured, its method."""

from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.request import split_domain_port
from django_structlog.middlewares import RequestMiddleware

from redis_address.request_wait import one_wait
from telemetry.counters import HTTP_SECONDS

Handler = Callable[[HttpRequest], HttpResponse]
#: The admin's pages know these alone; Django's own would treat any other as GET.
ADMIN_METHODS = ("GET", "HEAD", "POST", "OPTIONS")


def client_address(request: HttpRequest) -> str:
    """Return the peer's address, or behind ``PROXY_COUNT`` proxies the one that the outermost of them saw.

    A header that holds fewer addresses did not come through the proxies, so it is not believed.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    count = settings.PROXY_COUNT
    hops = [one.strip() for one in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if one.strip()]
    return hops[-count] if 0 < count <= len(hops) else peer


class RequestTime:
    """Measures each request by the route of its page, which names no call and no person."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = monotonic()
        response = self._get_response(request)
        route = request.resolver_match.route if request.resolver_match else "none"
        HTTP_SECONDS.labels(route, str(response.status_code)).observe(monotonic() - began)
        return response


class RedisWait:
    """Has a request wait once, and not at each question, for a Redis that does not answer."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with one_wait():
            return self._get_response(request)


class MonitoringByAnyHost:
    """Lets monitoring ask for health and metrics by any IP address, such as that of a pod: these pages make no links.

    Not by any name: a page in somebody's browser could then read them by a name that leads here (DNS rebinding).
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_monitoring = request.path_info.startswith("/health/") or request.path_info == "/metrics"
        if is_monitoring and _is_ip_address(request.META.get("HTTP_HOST", "")):
            request.get_host = lambda: "localhost"  # type: ignore[method-assign]
        return self._get_response(request)


def _is_ip_address(host: str) -> bool:
    domain, _ = split_domain_port(host)
    try:
        ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True


class RequestLog(RequestMiddleware):
    """Logs requests by method and path. A query may hold a caller's number or a token, so it is never logged."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Return what is logged of a request."""
        return f"{request.method} {request.path}"

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Log the address that the log-in throttle counts, not one that the client chose."""
        structlog.contextvars.bind_contextvars(ip=client_address(request))


class AdminMethods:
    """Answers 405 to methods that no page of the admin has."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/admin/") and request.method not in ADMIN_METHODS:
            return HttpResponseNotAllowed(ADMIN_METHODS)
        return self._get_response(request)
