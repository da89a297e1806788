"""The daily seals, and up to when the evidence is sealed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import display

import clock
from clock.text import site_time
from evidence.guard import seal_files, standing_problems
from evidence.models import EvidenceHead, EvidenceKey, EvidenceSeal
from evidence.seals import sealed_entries
from evidence.unsealed import oldest_unsealed
from history.admin import ReadOnlyAdmin


@admin.register(EvidenceSeal)
class EvidenceSealAdmin(ReadOnlyAdmin):
    """A signature for each day."""

    list_display = ("day", "entries", "blocks", "at", "key_beginning")
    list_before_template = "evidence/above_seals.html"
    fields = ("day", "entries", "blocks", "at", "key_beginning", "signed_text", "signed_by")
    list_select_related = ("key",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Rows are read-only."""
        return self.fields

    @display(description="Key begins with")
    def key_beginning(self, seal: EvidenceSeal) -> str:
        """Name the key."""
        return str(seal.key_id)[:16]

    @display(description="Statement")
    def signed_text(self, seal: EvidenceSeal) -> str:
        """Show the text that is signed."""
        return format_html('<code class="qg-hash">{}</code>', seal.statement)

    @display(description="Signature")
    def signed_by(self, seal: EvidenceSeal) -> str:
        """Show the signature."""
        return format_html('<code class="qg-hash">{}</code>', seal.signature)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say first whether the evidence is whole."""
        head = EvidenceHead.objects.filter(pk=1).first()
        key = EvidenceKey.objects.filter(retired_at=None).values_list("public", flat=True).first()
        oldest, today = oldest_unsealed(), site_time(clock.now()).date()
        evidence = {
            "last": EvidenceSeal.objects.values_list("day", flat=True).first(),
            "entries": head.last_entry if head else 0,
            "waiting": (head.last_entry if head else 0) - sealed_entries(),
            "late": oldest if oldest and (today - oldest).days > 1 else None,
            "key": key,
            "problems": [f"{host}: {text}" for host, text in standing_problems(None)],
            "files": seal_files(),
        }
        context = {**(extra_context or {}), "evidence": evidence}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]  # unfold has no types
