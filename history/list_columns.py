"""Which columns of a list a person sees: a preference of the browser; without one all of them."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.db.models import BinaryField
from django.http import HttpRequest
from unfold.admin import ModelAdmin

#: How the cookies begin that name the columns left out, a cookie for each list.
COOKIE = "hide_"


class ColumnsAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A ``ModelAdmin`` from whose list each person leaves out columns; never the first one, which leads to the row.

    ``updates_itself``: the list is fetched again every few seconds while somebody looks at its newest rows.
    """

    updates_itself = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse a search by raw bytes in an address: who may not see them would guess at them, letter by letter."""
        name = lookup.partition("__")[0]
        raw = {field.name for field in self.opts.concrete_fields if isinstance(field, BinaryField)}
        return name not in raw and bool(super().lookup_allowed(lookup, value, request))

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        """Return the columns that this browser did not leave out."""
        return _kept(self.offered_columns(request), hidden_columns(request, self.opts.label_lower))

    def offered_columns(self, request: HttpRequest) -> Sequence[Any]:
        """Return all columns that this person may see."""
        return super().get_list_display(request)  # type: ignore[no-any-return]  # unfold has no types

    def column_choices(self, request: HttpRequest) -> list[tuple[str, str, bool]]:
        """Return name, title and whether it is shown of each column that can be left out."""
        shown = set(self.get_list_display(request))
        return [(str(one), self._title(one), one in shown) for one in self.offered_columns(request)[1:]]

    def _title(self, name: Any) -> str:
        return str(label_for_field(name, self.model, self)).capitalize()


def _kept(columns: Sequence[Any], hidden: frozenset[str]) -> Sequence[Any]:
    return [*columns[:1], *(one for one in columns[1:] if one not in hidden)]


def hidden_columns(request: HttpRequest, label: str) -> frozenset[str]:
    """Return the columns of the list of a model, as "app.model", that this browser leaves out."""
    return frozenset(request.COOKIES.get(cookie_name(label), "").split("."))


def cookie_name(label: str) -> str:
    """Return the name of the cookie for the list of a model."""
    return COOKIE + label.replace(".", "_")
