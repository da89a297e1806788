"""The pages for what is not there, not allowed or not understood: inside the admin, with what to do next."""

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views import defaults


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    text = "There is no such page or row. It may have been deleted after its keeping time, or the address is mistyped."
    return _refused(request, 404, "Not found", text) or defaults.page_not_found(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    text = "Your role may not do this. An administrator can change your role under Users."
    return _refused(request, 403, "Not allowed", text) or defaults.permission_denied(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    text = (
        "The address, or what was sent, is not understood: it names a filter or a value that this page does not have."
        " Open the page without it, and choose the filter there."
    )
    return _refused(request, 400, "Not understood", text) or defaults.bad_request(request, exception)


def _refused(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse | None:
    """Return the page for a person who is logged in to the admin; None for everybody else, and for programs."""
    user = getattr(request, "user", None)
    if user is None or not user.is_staff or not request.path_info.startswith("/admin/"):
        return None
    page = request.path if status == HTTPStatus.BAD_REQUEST and request.GET else ""
    context = {**admin.site.each_context(request), "title": title, "text": text, "page": page}
    response = TemplateResponse(request, "gateway_site/refused.html", context, status=status)
    return response.render()
