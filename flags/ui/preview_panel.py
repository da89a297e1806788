"""The panel that shows, beside the Flags and while one is edited, what they would carry for a call."""

from collections.abc import Sequence

import msgspec
from django.forms import ModelForm
from django.http import HttpRequest

import clock
from flags.call_lookup import call_lookup
from flags.catalogue.preview import EXAMPLE, PreviewCall, preview
from flags.models import FlagSetting

SEE_CALLS = "calls.view_leg"
SEE_CALLERS = "calls.view_caller"
#: Maximum length of a call reference, in characters.
MAXIMUM_REFERENCE = 255


class PreviewTable(msgspec.Struct, frozen=True):
    """The preview as the admin's table takes it."""

    rows: Sequence[Sequence[str]]
    headers: Sequence[str] = ("Flag", "Carries", "Value", "Remark")


class PreviewPanel(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown: of which call, what each Flag carries, and what stands in the way of it."""

    title: str
    table: PreviewTable
    reference: str
    notes: Sequence[str]
    flag: int | None
    may_pick: bool


def preview_panel(
    request: HttpRequest, edited: FlagSetting | None = None, form: "ModelForm[FlagSetting] | None" = None
) -> PreviewPanel:
    """Make the panel for who asks. ``form``: the Flag as it is typed now; while it has faults, as it is saved."""
    notes: list[str] = []
    key = edited.pk if edited else None
    if form is not None and form.is_valid():
        edited = form.instance
    elif form is not None:
        notes += [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
        notes.append("The values below are of the Flags as they are saved.")
        edited = None
    reference = _reference(request)
    call = _call(request, reference, notes)
    may_see_callers = request.user.has_perm(SEE_CALLERS)
    if may_see_callers and call.leg_id:
        call_lookup().record_view(int(request.user.pk or 0), call.leg_id, clock.now())
    rows = preview(FlagSetting.objects.all(), call, may_see_callers=may_see_callers, edited=edited)
    return PreviewPanel(
        title=call.title,
        table=PreviewTable([(one.name, one.source, one.value, one.remark) for one in rows]),
        reference=reference,
        notes=notes,
        flag=key,
        may_pick=request.user.has_perm(SEE_CALLS),
    )


def _reference(request: HttpRequest) -> str:
    """Read the call reference; a NUL character is in none and no database takes one."""
    return request.POST.get("preview_call", "").replace("\0", "").strip()[:MAXIMUM_REFERENCE]


def _call(request: HttpRequest, reference: str, notes: list[str]) -> PreviewCall:
    """Return a real call where there is one and the person may see calls, else the example, and note why."""
    if not request.user.has_perm(SEE_CALLS):
        notes.append("Your account may not see calls: the values are of an example.")
        return EXAMPLE
    found = call_lookup().find_call(reference)
    if found is None and reference:
        notes.append("No call has this reference: the values are of another one.")
        found = call_lookup().find_call("")
    if found is None:
        notes.append("No call was flagged yet: the values are of an example.")
    return found or EXAMPLE
