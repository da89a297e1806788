"""What a person chooses for a list: the columns of this browser, and views that are saved under a name."""

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from calls.models import SavedList
from gateway_site.ui.preference import keep_preference
from gateway_site.ui.saved_query import kept_query
from history.list_columns import ColumnsAdmin, cookie_name

#: Maximum of views that a person can save, and of characters of one.
MAXIMUM_SAVED, MAXIMUM_QUERY = 50, 2000


@require_POST
@staff_member_required
def choose_columns(request: HttpRequest, label: str) -> HttpResponse:
    """Keep which columns of a list this browser shows."""
    model_admin = _list(request, label)
    wanted = set(request.POST.getlist("column"))
    hidden = [name for name, _, _ in model_admin.column_choices(request) if name not in wanted]
    answer = redirect(_address(label, request.POST.get("query", "")))
    keep_preference(answer, cookie_name(label), ".".join(hidden))
    return answer


@require_POST
@staff_member_required
def save_list(request: HttpRequest, label: str) -> HttpResponse:
    """Save the filters of a list under a name, in place of a view of that name; or delete a saved view."""
    _list(request, label)
    mine = SavedList.objects.filter(user_id=request.user.pk or 0, label=label)
    if key := request.POST.get("delete", ""):
        get_object_or_404(mine, pk=key if key.isdecimal() and len(key) < 18 else 0).delete()
        return redirect(_address(label, ""))
    query = kept_query(request.POST.get("query", ""))
    name = request.POST.get("name", "").strip()[:80]
    if not name or len(query) > MAXIMUM_QUERY or mine.exclude(name=name).count() >= MAXIMUM_SAVED:
        messages.error(request, f"A view needs a name, and {MAXIMUM_SAVED} can be saved for a list.")
    else:
        mine.update_or_create(user_id=request.user.pk or 0, label=label, name=name, defaults={"query": query})
        messages.success(request, f"Saved as “{name}”. Its link can be shared: it holds the filters.")
    return redirect(_address(label, query))


def _list(request: HttpRequest, label: str) -> ColumnsAdmin:
    """Return the list of a model that this person may see. Raises ``Http404``."""
    try:
        found: Any = admin.site.get_model_admin(apps.get_model(label))
    except (LookupError, ValueError, NotRegistered) as error:
        raise Http404 from error
    if not isinstance(found, ColumnsAdmin) or not found.has_view_permission(request):
        raise Http404
    return found


def _address(label: str, query: str) -> str:
    app, _, model = label.partition(".")
    page = reverse(f"admin:{app}_{model}_changelist")
    return f"{page}?{QueryDict(query).urlencode()}" if query else page
