"""The two pages of single sign-on: the way to the identity provider, and the way back."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from mozilla_django_oidc.utils import import_from_settings
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from gateway_site.login.session_rules import is_single_sign_on
from gateway_site.login.single_sign_on.failure import SignOnFailed
from gateway_site.login.single_sign_on.provider import identity_provider
from gateway_site.middleware import client_address
from history.logins import record_sign_on_failure

NOT_BEGUN_HERE = "This log-in was not begun in this browser, or was used already. Begin again."
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


class _ToProvider(OIDCAuthenticationRequestView):
    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        if attr == "OIDC_OP_AUTHORIZATION_ENDPOINT":
            return identity_provider().authorization_endpoint
        return import_from_settings(attr, *args)


class _FromProvider(OIDCAuthenticationCallbackView):
    def get(self, request: HttpRequest) -> HttpResponse:
        """Take what the provider sends; a state that this browser has not begun does nothing, not even a log-out."""
        if request.GET.get("state") not in request.session.get("oidc_states", {}):
            raise SignOnFailed(NOT_BEGUN_HERE)
        if request.GET.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:  # RFC 9207
            raise SignOnFailed("The answer is of another identity provider.")
        answer: HttpResponse = super().get(request)
        return answer

    def login_failure(self) -> HttpResponse:
        code = self.request.GET.get("error", "")
        refused = f"The identity provider refused: {code}." if _ERROR_CODE.fullmatch(code) else NOT_BEGUN_HERE
        raise SignOnFailed(getattr(self.request, "sign_on_failure", "") or refused)


@never_cache
@require_GET
def single_sign_on(request: HttpRequest) -> HttpResponse:
    """Lead to the identity provider; ``next`` is the page that follows."""
    return _guarded(request, _ToProvider.as_view())


@never_cache
@require_GET
def single_sign_on_callback(request: HttpRequest) -> HttpResponse:
    """Log in who comes back from the identity provider."""
    return _guarded(request, _FromProvider.as_view())


def _guarded(request: HttpRequest, view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Answer by a view; a failure goes into the history, and to the log-in page with its reason."""
    if not settings.OIDC_ISSUER:
        raise Http404
    try:
        return view(request)
    except SignOnFailed as error:
        reason = str(error)
    except SuspiciousOperation:
        reason = NOT_BEGUN_HERE
    record_sign_on_failure(client_address(request), reason)
    if is_single_sign_on(request):  # It was to be renewed.
        logout(request)
    messages.error(request, f"Single sign-on failed. {reason}")
    return redirect("admin:login")
