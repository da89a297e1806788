"""The bases of the admin's pages: those that change the configuration keep what was before; others are read-only."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.db.models import Model
from django.http import HttpRequest

from history.list_columns import ColumnsAdmin
from history.states import RowState, differences, state_of, values


class RecordedAdmin(ColumnsAdmin):
    """A ``ModelAdmin`` whose history has each field before and after; of ``hidden_fields`` only that they changed."""

    hidden_fields: tuple[str, ...] = ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember how the row was, as the database has it: forms change the object before it is saved."""
        form.recorded_before = self._stored(obj) if change else {}
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Describe the change, each field before and after; called when the row and its related rows are saved."""
        if add:
            return f"Added. {values(self._stored(form.instance))}"
        if not hasattr(form, "recorded_before"):  # A page of its own, such as that of a new password.
            return super().construct_change_message(request, form, formsets, add)
        return differences(form.recorded_before, self._stored(form.instance)) or "Saved without a change."

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        """Keep the values of a deleted row, for whoever has to recreate it."""
        return [self._log_deletion(request, row) for row in queryset]

    def _log_deletion(self, request: HttpRequest, row: Model) -> Any:
        text = f"Deleted. {values(state_of(row, self.hidden_fields))}"
        return LogEntry.objects.log_actions(request.user.pk or 0, [row], DELETION, text, single_object=True)

    def _stored(self, obj: Model) -> RowState:
        stored = type(obj)._default_manager.get(pk=obj.pk)  # noqa: SLF001  (documented by Django)
        return state_of(stored, self.hidden_fields)


class ReadOnlyAdmin(ColumnsAdmin):
    """A ``ModelAdmin`` of rows that only the gateway writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are read-only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are read-only."""
        return False
