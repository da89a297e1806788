"""One box for everything: calls, people, settings and pages that a term finds, in groups."""

from collections.abc import Iterable, Iterator

import msgspec
from django.contrib import admin
from django.db.models import Field, Model, Q
from django.http import HttpRequest
from django.urls import reverse

from agents.api import find_agents, find_users
from calls.api import SEE_CALLERS, find_calls
from cti.models import CtiSource
from flags.models import FlagSetting
from gateway_site.ui.navigation import UNFOLD
from qms.models import DataServer, RecordingService

#: Maximum length of a term, and of hits of one group.
MAXIMUM_LENGTH, HITS = 255, 6
#: The rows that are found by a part of their name, and the models whose settings are found by theirs.
_ROWS: tuple[tuple[type[Model], str], ...] = (
    (CtiSource, "slug"),
    (RecordingService, "slug"),
    (DataServer, "slug"),
    (FlagSetting, "name"),
)


class SearchHit(msgspec.Struct, frozen=True):
    """A line of the results."""

    name: str
    detail: str
    address: str


class HitGroup(msgspec.Struct, frozen=True):
    """The hits of one kind."""

    name: str
    hits: list[SearchHit]


def find(term: str, request: HttpRequest) -> list[HitGroup]:
    """Return what a person may see and a term finds, the likeliest kinds first; callers only where it was posted."""
    term = term.replace("\0", "").strip()[:MAXIMUM_LENGTH]
    if not term:
        return []
    groups: dict[str, list[SearchHit]] = {}
    for kind, hit in (*_of_calls(term, request), *_of_people(term, request), *_of_site(term, request)):
        groups.setdefault(kind, []).append(hit)
    return [HitGroup(kind, hits[:HITS]) for kind, hits in groups.items()]


def _of_calls(term: str, request: HttpRequest) -> Iterator[tuple[str, SearchHit]]:
    if request.user.has_perm("calls.view_leg"):
        may_see = request.method == "POST" and request.user.has_perm(SEE_CALLERS)
        found = find_calls(term, callers_for=request.user.pk if may_see else None)
        yield from ((one.kind, SearchHit(one.name, one.detail, one.address)) for one in found)


def _of_people(term: str, request: HttpRequest) -> Iterator[tuple[str, SearchHit]]:
    for permission, search in (("agents.view_agent", find_agents), ("agents.view_qmsuser", find_users)):
        if request.user.has_perm(permission):
            yield from ((one.kind, SearchHit(one.name, one.detail, one.address)) for one in search(term))


def _of_site(term: str, request: HttpRequest) -> Iterator[tuple[str, SearchHit]]:
    yield from (("Page", hit) for hit in _pages(term.lower(), request))
    for model, column in _ROWS:
        if _may_view(model, request):
            yield from (("Configuration", hit) for hit in _rows(model, column, term))
            yield from (("Setting", hit) for hit in _settings(model, term.lower()))


def _may_view(model: type[Model], request: HttpRequest) -> bool:
    options = model._meta  # noqa: SLF001  (documented by Django)
    return request.user.has_perm(f"{options.app_label}.view_{options.model_name}")


def _pages(term: str, request: HttpRequest) -> Iterator[SearchHit]:
    for group in UNFOLD["SIDEBAR"]["navigation"]:
        for item in group["items"]:
            is_open = item.get("permission", lambda _: True)
            if term in item["title"].lower() and is_open(request):
                yield SearchHit(item["title"], group["title"], str(item["link"]))


def _rows(model: type[Model], column: str, term: str) -> Iterator[SearchHit]:
    options = model._meta  # noqa: SLF001
    name = str(options.verbose_name)
    for row in model._default_manager.filter(Q(**{f"{column}__icontains": term})).order_by(column)[:HITS]:  # noqa: SLF001
        address = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
        yield SearchHit(str(row), name[:1].upper() + name[1:], address)


def _settings(model: type[Model], term: str) -> Iterator[SearchHit]:
    """Yield the fields of a model's form by their label; the list of its rows leads on."""
    options = model._meta  # noqa: SLF001
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    if model not in admin.site._registry:  # noqa: SLF001
        return
    for field in _editable(options.get_fields()):
        label = str(field.verbose_name)
        if term in label.lower() or term == field.name:
            yield SearchHit(label[:1].upper() + label[1:], f"of each {options.verbose_name}", address)


def _editable(fields: Iterable[object]) -> "Iterator[Field[object, object]]":
    return (one for one in fields if isinstance(one, Field) and one.editable and not one.primary_key)
