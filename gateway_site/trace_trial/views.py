"""The page "Try a trace": upload a capture, see what would come of it. The file is held in memory and kept nowhere."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from calls.transcript.dump import write
from cti.models import CtiSource
from cti.sources.registry import NoTrace, kind_choices
from gateway_site.config.declaration import ConfigError, read
from gateway_site.trace_trial.capture import CaptureError
from gateway_site.trace_trial.site import NoSuchSource, TrialSite, declared_site, default_site, stored_site
from gateway_site.trace_trial.text import report_lines, summary
from gateway_site.trace_trial.trial import TrialReport, try_trace

#: The web server takes twice as much for a whole request: the trace and a site's file.
MAXIMUM_BYTES: Final = settings.INTAKE_MAX_BYTES
#: A site's file is TOML, which takes long to read where it is made to.
MAXIMUM_SITE_BYTES: Final = 262_144
#: Events that are played on a page: a worker of the web server is busy meanwhile.
MAXIMUM_EVENTS: Final = 5_000
#: Callers' names and numbers are shown, so whoever may not see them may not try a trace.
PERMISSIONS: Final = ("cti.change_ctisource", "calls.view_caller")


class TraceForm(forms.Form):
    """What is asked for."""

    trace = forms.FileField(
        label="Trace", help_text=f"Raw bytes of the link, pcap or pcapng; at most {MAXIMUM_BYTES:,} bytes."
    )
    kind = forms.ChoiceField(label="Kind of source", choices=kind_choices)
    source = forms.ModelChoiceField(
        CtiSource.objects.all(), required=False, label="Use settings of", empty_label="(defaults)"
    )
    site = forms.FileField(required=False, label="Or a site's file", help_text="As for apply_config (TOML).")
    anonymise = forms.BooleanField(required=False, label="Replace names and numbers consistently")
    result = forms.ChoiceField(
        label="Result",
        choices=[
            ("page", "show it here"),
            ("report", "download the report as text"),
            ("transcript", "download the case as a transcript"),
        ],
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a source of another kind, and files that are too long."""
        cleaned: dict[str, Any] = super().clean() or {}
        source, trace, site = cleaned.get("source"), cleaned.get("trace"), cleaned.get("site")
        if source is not None and source.kind != cleaned.get("kind"):
            self.add_error("source", f"This source is of kind {source.kind}.")
        if trace is not None and trace.size > MAXIMUM_BYTES:
            self.add_error("trace", "The file is too long: cut the capture, or use ./gateway manage try_trace.")
        if site is not None and site.size > MAXIMUM_SITE_BYTES:
            self.add_error("site", "The file is too long.")
        return cleaned


class BoundedMemoryUpload(MemoryFileUploadHandler):
    """Hold uploads in memory only, and no more of one than may be tried: never a temporary file."""

    def handle_raw_input(self, *_args: Any, **_kwargs: Any) -> None:
        """Take every upload, whatever its announced length."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Keep a chunk; what is beyond the limit is dropped, and the form refuses the file by its length."""
        if start <= MAXIMUM_BYTES:
            super().receive_data_chunk(raw_data, start)
        return None


@csrf_exempt  # The handler must stand before the token is read from the body; the inner view checks the token.
@staff_member_required
@permission_required(PERMISSIONS, raise_exception=True)
@require_http_methods(["GET", "POST"])
def try_trace_page(request: HttpRequest) -> HttpResponse:
    """Show the form, and below it what came of the trace."""
    request.upload_handlers = [BoundedMemoryUpload(request)]
    return _page(request)


@csrf_protect
def _page(request: HttpRequest) -> HttpResponse:
    form = TraceForm(request.POST or None, request.FILES or None)
    report: TrialReport | None = None
    if request.method == "POST" and form.is_valid():
        report = _tried(form)
        if report is not None and form.cleaned_data["result"] != "page":
            return _download(report, form.cleaned_data["result"])
    context = {**admin.site.each_context(request), "title": "Try a trace", "form": form, "report": report}
    if report is not None:
        context |= {"summary": summary(report)}
    response = TemplateResponse(request, "gateway_site/try_trace.html", context)
    add_never_cache_headers(response)
    return response


def _tried(form: TraceForm) -> TrialReport | None:
    """Play the trace; what is wrong with it or the settings becomes an error of the form."""
    data = form.cleaned_data
    try:
        return try_trace(
            data["trace"].read(), _site(data), is_anonymous=data["anonymise"], maximum_events=MAXIMUM_EVENTS
        )
    except (ConfigError, NoSuchSource, UnicodeDecodeError) as error:
        form.add_error("site", str(error))
    except (CaptureError, NoTrace) as error:
        form.add_error("trace", str(error))
    except ValueError as error:
        form.add_error("source", f"The options of the source: {error}")
    return None


def _site(data: dict[str, Any]) -> TrialSite:
    if data["site"] is not None:
        slug = data["source"].slug if data["source"] is not None else ""
        return declared_site(read(data["site"].read().decode()), data["kind"], slug)
    return stored_site(data["source"]) if data["source"] is not None else default_site(data["kind"])


def _download(report: TrialReport, result: str) -> HttpResponse:
    is_transcript = result == "transcript"
    text = write(report.transcript) if is_transcript else "\n".join(report_lines(report, has_log=True)) + "\n"
    name = "trace.toml" if is_transcript else "trace.txt"
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    add_never_cache_headers(response)
    return response
