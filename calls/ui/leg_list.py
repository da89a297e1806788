"""The list of legs in the admin: newest or oldest first, page by page from a place in it, never counted."""

from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

import clock
from calls.access_log import record_list
from calls.models import Leg
from calls.ui.leg_filters import UNFLAGGED
from calls.ui.leg_search import HELP, HELP_WITH_CALLERS, BadCursor, Cursor, conditions, newest, read_cursor
from calls.ui.leg_total import decided_total
from calls.ui.renamed_entities import earlier_names
from calls.ui.sealed_search import SealedChangeList

BEFORE = "before"
SEE_CALLERS = "calls.view_caller"
#: That somebody has the same list before them is recorded this often, in seconds; the session knows which and when.
RECORD_SECONDS = 300
RECORDED = "leg_list_recorded"


class LegChangeList(SealedChangeList):
    """A page of legs that begins below a leg; ``further`` is the address of the next page, if there is one.

    ``top`` is the address of the first page, unless this is it. Only the order of time has its indexes.
    Nothing here counts legs: with ten million a count takes seconds. ``total`` is a sum of the counts by day.
    """

    conditions: list[Q]
    further: str | None
    top: str | None
    total: int | None
    is_oldest_first: bool
    result_list: list[Leg]

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.before = _cursor(request)
        way_back = request.GET.urlencode()
        rest = request.GET.copy()
        rest.pop(BEFORE, None)  # Every search, filter and form of the page begins at the newest leg.
        request.GET = rest  # type: ignore[assignment]  # only this view reads it from here on
        super().__init__(request, *args, **kwargs)
        if request.user.has_perm(SEE_CALLERS) and not _is_seen_again(request, way_back):
            record_list(request.user, self.result_list, self.sealed, clock.now())
        self.preserved_filters = urlencode({"_changelist_filters": way_back}) if way_back else ""
        self.earlier_names = earlier_names(self.query.strip())
        self.help = HELP_WITH_CALLERS if request.user.has_perm(SEE_CALLERS) else HELP

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Leg]:
        """Return all legs that are found, for actions on them; keep apart those that the filters leave."""
        words, self.query = self.sealed or self.query, ""
        # Past the search of the class above: each column is asked for its own newest legs.
        filtered: QuerySet[Leg] = super(SealedChangeList, self).get_queryset(request, exclude_parameters)
        self.filtered, self.query = filtered, words
        self.conditions = conditions(words.strip(), may_see_callers=self._searches_callers(request))
        return filtered.filter(reduce(or_, self.conditions)) if self.conditions else filtered

    def get_results(self, request: HttpRequest) -> None:
        self.is_oldest_first = "asc" in self.get_ordering_field_columns().values()
        rows = newest(
            self.filtered,
            self.conditions,
            self.before,
            self.list_per_page + 1,
            by_key=self._is_of_one_source_only(),
            outcomes=UNFLAGGED if "no" in self.filter_params.get("flagged", ()) else (),
            oldest_first=self.is_oldest_first,
        )
        self.result_list = rows[: self.list_per_page]
        last = self.result_list[-1] if len(rows) > self.list_per_page else None
        self.further = self.get_query_string({BEFORE: str(Cursor(last.connected_at, last.pk))}) if last else None
        self.top = self.get_query_string() if self.before else None
        asked = {name: values[-1] for name, values in self.filter_params.items() if values}
        self.total = None if self.query.strip() else decided_total(asked, clock.now())
        self.paginator = Paginator(self.result_list, self.list_per_page)
        # The same number twice: else the page's head would tell the rows of a page as all results.
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True

    def _searches_callers(self, request: HttpRequest) -> bool:
        return bool(self.sealed) and request.user.has_perm(SEE_CALLERS)

    def _is_of_one_source_only(self) -> bool:
        asked = {name for name, values in self.filter_params.items() if any(values)}
        return asked == {"source"}


def _is_seen_again(request: HttpRequest, query: str) -> bool:
    """Say whether this session has just had the same page: the newest legs fetch themselves."""
    now, (last, at) = clock.now().timestamp(), request.session.get(RECORDED, ("", 0))
    if last == query and now - at < RECORD_SECONDS:
        return True
    request.session[RECORDED] = (query, now)
    return False


def _cursor(request: HttpRequest) -> Cursor | None:
    text = request.GET.get(BEFORE, "")
    try:
        return read_cursor(text) if text else None
    except BadCursor as error:
        raise IncorrectLookupParameters from error
