"""The words of an empty list, for its template."""

from django import template
from django.contrib.admin.views.main import ChangeList
from django.urls import reverse

from gateway_site.empty_lists import EMPTY_LISTS, Empty

register = template.Library()


@register.simple_tag
def empty_words(changes: ChangeList) -> Empty:
    """Return what a list says while nothing is in it; ``address`` is the page's path.

    Raises ``KeyError`` for a list without words.
    """
    known = EMPTY_LISTS[changes.opts.label]
    return Empty(known.text, known.words, reverse(known.address) if known.address else "")
