"""A search that may be for a caller comes by POST, and is sealed in the addresses that follow.

An address stays in the browser's history, in logs and in Referer headers, so no number or name may be in it. What is
searched is encrypted there with the vault's key, for the one who searched, and ends with the working day.
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from vault.fields import VaultError, decrypt, encrypt

#: The parameter of an address that holds a sealed search, and the one of a form that holds a plain one.
SEALED, PLAIN = "search", "q"
#: How long an address with a search can be used, in seconds.
USABLE_SECONDS = 12 * 3600
#: Maximum length of a search term, in characters.
MAXIMUM_LENGTH = 255
STALE = "This search is too old, or another person's. Search again."
#: What of an address does not outlive a new search.
_OF_LAST_SEARCH = (SEALED, PLAIN, "before", "p", "e")


class StaleSearch(ValueError):
    """A sealed search is too old, of another person, or not sealed here. Never worth a retry."""


def seal(term: str, user_id: int) -> str:
    """Return a search as an address may hold it, for this user alone."""
    return encrypt(f"{user_id} {term}")


def unseal(token: str, user_id: int) -> str:
    """Return what ``seal`` was given. Raises ``StaleSearch``."""
    try:
        owner, _, term = decrypt(token, USABLE_SECONDS).reveal().partition(" ")
    except VaultError as error:
        raise StaleSearch from error
    if owner != str(user_id):
        raise StaleSearch
    return term


def sealed_term(request: HttpRequest) -> str:
    """Return the search that a request's address holds; empty where it holds none. Raises ``StaleSearch``."""
    token = request.GET.get(SEALED, "")
    return unseal(token, int(request.user.pk or 0)) if token else ""


class SealedChangeList(ChangeList):  # type: ignore[misc]  # unfold has no types
    """A list whose search is sealed. What stands plain in an address (``q``) searches for no caller."""

    sealed: str
    query: str

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        try:
            self.sealed = sealed_term(request)
        except StaleSearch as error:
            messages.warning(request, STALE)
            raise IncorrectLookupParameters from error
        super().__init__(request, *args, **kwargs)

    def get_filters_params(self, params: Any = None) -> Any:
        """Leave the sealed search out: it is no filter by a column."""
        found = super().get_filters_params(params)
        found.pop(SEALED, None)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        """Search by what was sealed."""
        self.query = self.sealed or self.query
        return super().get_queryset(request, exclude_parameters)  # type: ignore[no-any-return]


class SealedSearchAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A ``ModelAdmin`` whose search box posts; the answer leads to the list with the search sealed."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SealedChangeList]:
        return SealedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and PLAIN in request.POST:
            return redirect(_address(request))
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer


def _address(request: HttpRequest) -> str:
    """Return the address of the list as it is filtered, with the posted search sealed."""
    query = request.GET.copy()
    for name in _OF_LAST_SEARCH:
        query.pop(name, None)
    term = request.POST[PLAIN].replace("\0", "").strip()[:MAXIMUM_LENGTH]
    if term:
        query[SEALED] = seal(term, int(request.user.pk or 0))
    return f"{request.path}?{query.urlencode()}" if query else request.path
