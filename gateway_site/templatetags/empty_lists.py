"""The words of an empty list, for its template."""

from django import template
from django.contrib.admin.views.main import ChangeList
from django.template import RequestContext
from msgspec.structs import replace

from gateway_site.ui.empty_lists import EMPTY_LISTS, Empty

register = template.Library()


@register.simple_tag(takes_context=True)
def empty_words(context: RequestContext, changes: ChangeList) -> Empty:
    """Return what a list says while nothing is in it, with no step to a page that is closed to its reader.

    Raises ``KeyError`` for a list without words.
    """
    words = EMPTY_LISTS[changes.opts.label]
    if words.step is None or context.request.user.has_perm(words.step.permission):
        return words
    return replace(words, step=None)
