"""``POST /api/events`` and ``GET /api/openapi.json``."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

import clock
from cti.bounds import JOURNAL, REQUEST_BYTES, REQUEST_EVENTS, Bound
from cti.http_intake.batch import Reading, Rejected, read_items
from cti.http_intake.openapi import document
from cti.http_intake.tokens import CHALLENGE, AccessRefused, Forbidden, TokenFacts, Unauthorized, authorize, note_call
from cti.journal.dedup import append_unique, take_allowance
from cti.journal.refusals import note_refused
from cti.journal.stream import JournalUnavailable
from cti.models import Scope
from cti.quarantine import record_quarantined
from cti.source_bounds import SourceFull, bounds_of
from cti.sources.http.body import BodyError, TooManyEvents, items
from cti.sources.registry import has_session

#: Retry-After while the journal is not available, and while the source is at a limit, in seconds.
AWAY_SECONDS, FULL_SECONDS = 2, 5

log = structlog.get_logger()


class IntakeReply(msgspec.Struct, frozen=True):
    """The result for a request's events."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


class RequestRefusedError(Exception):
    """A request is refused as a whole, with HTTP's status and the reason."""

    def __init__(self, status: HTTPStatus, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.headers = status, headers or {}


class BoundReached(RequestRefusedError):
    """A request is refused because of a bound. ``events``: how many it had, 0 where that is not known.

    ``seconds``: after which the same request may be taken; 0: never.
    """

    def __init__(self, bound: Bound, events: int, seconds: int = 0) -> None:
        status = HTTPStatus.TOO_MANY_REQUESTS if seconds else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        headers = {"Retry-After": str(seconds)} if seconds else {}
        super().__init__(status, bound.reached(), headers)
        self.bound, self.events = bound, events


@csrf_exempt
def post_events(request: HttpRequest) -> HttpResponse:
    """Append CTI events to the journal; 202 only after it has acknowledged them."""
    try:
        reply = _take(request)
    except RequestRefusedError as refusal:
        return _json({"error": str(refusal)}, refusal.status, refusal.headers)
    nothing_fits = reply.rejected and not (reply.accepted or reply.duplicates)
    return _json(reply, HTTPStatus.BAD_REQUEST if nothing_fits else HTTPStatus.ACCEPTED)


@require_GET
def openapi(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Serve the OpenAPI document of the HTTP interface."""
    return HttpResponse(document(), content_type="application/json")


def _take(request: HttpRequest) -> IntakeReply:
    if request.method != "POST":
        raise RequestRefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "Events are sent by POST.", {"Allow": "POST"})
    try:
        token = _token(request)
        reading = _within_bounds(request, token)
        return _keep(reading, token)
    except (JournalUnavailable, OperationalError, InterfaceError) as error:
        log.warning("intake_unavailable", error=type(error).__name__)
        again = {"Retry-After": str(AWAY_SECONDS)}
        raise RequestRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "The journal is not available now.", again) from error


def _token(request: HttpRequest) -> TokenFacts:
    """Return the request's token, if it may post."""
    try:
        token = authorize(request.headers.get("Authorization", ""), Scope.WRITE)
        if has_session(token.kind):
            raise Forbidden("This source has a listener; events are posted to sources of kind http only.")
        if not token.enabled:
            raise Forbidden("This source is disabled.")
    except AccessRefused as error:
        challenge = CHALLENGE if isinstance(error, Unauthorized) else {}
        raise RequestRefusedError(HTTPStatus(error.status), str(error), challenge) from error
    return token


def _within_bounds(request: HttpRequest, token: TokenFacts) -> Reading:
    """Read the events of the body, and note what a bound refused."""
    try:
        return _read(request, token)
    except BoundReached as error:
        log.warning("intake_bound_reached", source=token.slug, bound=error.bound.setting, events=error.events)
        note_refused(token.slug, error.bound, error.events)
        raise


def _read(request: HttpRequest, token: TokenFacts) -> Reading:
    """Read the events of the body, if they are within the bounds."""
    _check_form(request)
    body = _body(request)
    try:
        found = items(body, request.content_type or "", REQUEST_EVENTS.maximum)
    except TooManyEvents as error:
        raise BoundReached(REQUEST_EVENTS, error.events) from error
    except BodyError as error:
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
    if shortage := take_allowance(token.id, len(found), len(body)):
        raise BoundReached(shortage.bound, len(found), shortage.seconds)
    bounds = bounds_of(token.slug)
    bounds.refresh()
    if bounds.is_journal_full:
        raise BoundReached(JOURNAL, len(found), FULL_SECONDS)
    try:
        return read_items(found, token.slug, clock.now())
    except SourceFull as error:
        raise BoundReached(error.bound, len(found), FULL_SECONDS) from error


def _check_form(request: HttpRequest) -> None:
    """Refuse encodings and modes that are not supported."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestRefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")
    if "ce-specversion" in request.headers or (request.content_type or "").startswith("multipart/"):
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Events are taken in structured or batch mode, as JSON."
        )


def _body(request: HttpRequest) -> bytes:
    too_large = BoundReached(REQUEST_BYTES, 0)
    try:
        body = _chunked_body(request) if _is_chunked(request) else request.body
    except RequestDataTooBig as error:
        raise too_large from error
    except UnreadablePostError as error:
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "The body broke off.") from error
    if len(body) > REQUEST_BYTES.maximum:
        raise too_large
    return body


def _is_chunked(request: HttpRequest) -> bool:
    return bool(request.META.get("wsgi.input_terminated")) and not request.META.get("CONTENT_LENGTH")


def _chunked_body(request: HttpRequest) -> bytes:
    """Read a body of unknown length, which Django would treat as empty, up to one byte past the limit."""
    stream: Any = request.META["wsgi.input"]
    body: bytes = stream.read(REQUEST_BYTES.maximum + 1)
    return body


def _keep(reading: Reading, token: TokenFacts) -> IntakeReply:
    # The journal first: a repeat after a failure finds the events there, and counts what is broken once.
    appended = append_unique(token.slug, reading.arrivals)
    if appended.accepted and reading.calls:
        note_call(token, clock.now())
    if reading.broken:
        record_quarantined(token.source_id, reading.broken, clock.now())
    return IntakeReply(appended.accepted, appended.duplicates, reading.rejected)


def _json(value: Any, status: HTTPStatus, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), status=status, headers=headers, content_type="application/json")
