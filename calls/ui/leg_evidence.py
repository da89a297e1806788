"""The evidence of a leg's recording as a file, for those who may see callers; each download is recorded."""

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

import clock
from calls.access_log import record_leg
from calls.models import Leg
from calls.ui.leg_list import SEE_CALLERS
from evidence.api import NoEvidence, export_of
from flags.api import sent_values

#: Characters of the largest key; Python refuses to read thousands of digits.
MAXIMUM_DIGITS = 19


@require_GET
def leg_evidence(request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with the export of the leg's recording."""
    if not (request.user.has_perm("calls.view_leg") and request.user.has_perm(SEE_CALLERS)):
        raise PermissionDenied
    is_key = object_id.isdecimal() and len(object_id) <= MAXIMUM_DIGITS
    leg = Leg.objects.filter(pk=object_id).first() if is_key else None
    if leg is None or not leg.recording_guid:
        raise Http404("This leg has no recording.")
    try:
        export = export_of(leg.recording_guid, sent_values)
    except NoEvidence as error:
        raise Http404(str(error)) from error
    record_leg(request.user, leg, clock.now())
    name = "".join(one for one in leg.recording_guid if one.isalnum() or one == "-")
    headers = {"Content-Disposition": f'attachment; filename="evidence-{name}.json"'}
    return HttpResponse(msgspec.json.encode(export), content_type="application/json", headers=headers)
