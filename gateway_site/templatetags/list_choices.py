"""Columns and saved views of a list, for its template."""

from collections.abc import Sequence

import msgspec
from django import template
from django.contrib.admin.views.main import ChangeList
from django.template import RequestContext

from calls.models import SavedList
from gateway_site.ui.saved_query import kept_query

register = template.Library()


class ListChoices(msgspec.Struct, frozen=True):
    """What can be chosen of a list; ``query``: its address's parameters now, ``kept``: those that a view keeps.

    ``is_newest``: the list updates itself, for it shows its newest rows; never a search, which is noted as one look.
    """

    label: str
    columns: Sequence[tuple[str, str, bool]]
    saved: Sequence[SavedList]
    query: str
    kept: str
    is_newest: bool


@register.simple_tag(takes_context=True)
def list_choices(context: RequestContext, changes: ChangeList) -> ListChoices | None:
    """Return the choices of a list; None of one that has none."""
    request, model_admin = context.request, changes.model_admin
    if not hasattr(model_admin, "column_choices"):  # Its class cannot be imported here: unfold loads these tags.
        return None
    label = changes.opts.label_lower
    return ListChoices(
        label=label,
        columns=model_admin.column_choices(request),
        saved=list(SavedList.objects.filter(user_id=request.user.pk or 0, label=label)),
        query=changes.get_query_string().removeprefix("?"),
        kept=kept_query(changes.get_query_string().removeprefix("?")),
        is_newest=getattr(model_admin, "updates_itself", False) and _is_newest(changes),
    )


def _is_newest(changes: ChangeList) -> bool:
    is_first = "p" not in changes.params and not getattr(changes, "top", None)
    return not changes.query and is_first and not getattr(changes, "is_oldest_first", False)
