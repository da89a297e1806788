"""Record who opened a message in quarantine with callers in it: its page belongs to an app that knows no calls."""

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse

import clock
from calls.api import SEE_CALLERS, CallerViewKind, record_view
from gateway_site.middleware import Handler

MESSAGE_PAGE = "admin:cti_quarantinedmessage_change"


class QuarantineViews:
    """Records each raw message that was shown to somebody who may see callers."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        match = request.resolver_match
        is_shown = match is not None and match.view_name == MESSAGE_PAGE and response.status_code == 200
        if match and is_shown and request.user.has_perm(SEE_CALLERS):
            key = int(unquote(match.kwargs["object_id"]))
            record_view(request.user, CallerViewKind.MESSAGE, clock.now(), message_id=key, shown=1)
        return response
