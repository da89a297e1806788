"""Bearer tokens of the HTTP interface: shown once, stored only as SHA-256, cached for a few seconds.

``AccessRefused``
├── ``Unauthorized``   no token, or an invalid one (401)
└── ``Forbidden``      a valid token without this right (403)
"""

import contextlib
import hashlib
import secrets
import threading
import time
from datetime import datetime, timedelta

import msgspec
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from msgspec.structs import replace

import clock
from cti.models import CtiSource, IntakeToken, Scope

#: Length of the random part of a token, in bytes.
RANDOM_BYTES = 32
#: How long a revoked token still works in other processes, in seconds; in the process that revoked it, not at all.
CACHE_SECONDS = 5.0
#: Maximum number of tokens in the cache.
CACHED = 1000
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="qms-gateway"'}
#: Minimum interval between two saved times of use of a token.
LAST_USED_EVERY = timedelta(minutes=1)


class AccessRefused(Exception):
    """The request may not do this; ``status`` is HTTP's."""

    retryable = False
    status = 403


class Unauthorized(AccessRefused):
    """The request has no token, or an invalid one."""

    status = 401


class Forbidden(AccessRefused):
    """The token is valid but has not this right."""


class TokenFacts(msgspec.Struct, frozen=True):
    """A valid token, and its source: whose ``slug`` events must name."""

    id: int
    source_id: int
    slug: str
    kind: str
    enabled: bool
    scope: str
    last_call_at: datetime | None = None


class TokenRefusal(msgspec.Struct, frozen=True):
    """Why a request is refused, as the response to it."""

    status: int
    error: str

    def response(self) -> HttpResponse:
        """Return the answer."""
        headers = CHALLENGE if self.status == Unauthorized.status else {}
        body = msgspec.json.encode({"error": self.error})
        return HttpResponse(body, status=self.status, headers=headers, content_type="application/json")


class MintedToken(msgspec.Struct, frozen=True):
    """A new token: its row, and the text that is shown this once."""

    row: IntakeToken
    text: str

    def __repr__(self) -> str:
        return f"MintedToken({self.row.pk})"


class _Cached(msgspec.Struct, frozen=True):
    facts: TokenFacts
    until: float


_cache: dict[str, _Cached] = {}
_cache_lock = threading.Lock()


def mint_token(source: CtiSource, scope: str = Scope.WRITE, name: str = "") -> MintedToken:
    """Make a token of a source. Its text cannot be shown again."""
    return mint(IntakeToken(source=source, scope=scope, name=name))


def mint(row: IntakeToken) -> MintedToken:
    """Save a new row with a new token, whose text cannot be shown again."""
    text = f"qms_{secrets.token_urlsafe(RANDOM_BYTES)}"
    row.digest = _digest(text)
    row.save(force_insert=True)
    return MintedToken(row, text)


def revoke_token(token: IntakeToken) -> None:
    """Revoke a token; the time of the first revocation is kept."""
    IntakeToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now())
    with _cache_lock:
        _cache.pop(token.digest, None)


def authorize(header: str, needed: Scope) -> TokenFacts:
    """Return the token in an ``Authorization`` header, if it has the needed scope.

    Writing includes reading. Raises ``Unauthorized`` or ``Forbidden``; errors of the database are passed on.
    """
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized("Send the header Authorization: Bearer TOKEN.")
    facts = _known(_digest(text.strip()))
    if needed == Scope.WRITE and facts.scope != Scope.WRITE:
        raise Forbidden("This token only reads.")
    return facts


def note_call(token: TokenFacts, now: datetime) -> None:
    """Note that a token posted a call event, at most once in ``LAST_USED_EVERY``.

    The note is for people only: an event that was accepted is not refused because the database does not answer.
    """
    if token.last_call_at is not None and now - token.last_call_at < LAST_USED_EVERY:
        return
    with _cache_lock:
        for digest, cached in _cache.items():
            if cached.facts.id == token.id:
                _cache[digest] = replace(cached, facts=replace(cached.facts, last_call_at=now))
    with contextlib.suppress(OperationalError, InterfaceError):
        IntakeToken.objects.filter(pk=token.id).update(last_call_at=now)


def authenticate(request: HttpRequest, needed: Scope = Scope.READ) -> TokenFacts | TokenRefusal:
    """Return the token of a request, or the refusal to respond with."""
    try:
        return authorize(request.headers.get("Authorization", ""), needed)
    except AccessRefused as error:
        return TokenRefusal(error.status, str(error))


def _known(digest: str) -> TokenFacts:
    with _cache_lock:
        found = _cache.get(digest)
    # One that is switched on again is heard from then on: what was refused later would be in no gap of the ledger.
    if found and found.facts.enabled and found.until > time.monotonic():
        return found.facts
    facts = _looked_up(digest)
    with _cache_lock:
        if len(_cache) >= CACHED:
            _cache.clear()
        _cache[digest] = _Cached(facts, time.monotonic() + CACHE_SECONDS)
    return facts


def _looked_up(digest: str) -> TokenFacts:
    row = IntakeToken.objects.select_related("source").filter(digest=digest, revoked_at=None).first()
    if row is None:
        raise Unauthorized("This token is not valid.")
    now = clock.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY)
    if row.last_used_at is None or row.last_used_at < now - LAST_USED_EVERY:
        IntakeToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    source = row.source
    return TokenFacts(row.pk, source.pk, source.slug, source.kind, source.enabled, row.scope, row.last_call_at)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
