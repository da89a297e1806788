"""What the identity provider says of itself: its addresses, from OpenID Connect Discovery 1.0."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from django.conf import settings
from django.core.cache import cache

from gateway_site.login.single_sign_on.failure import SignOnFailed
from redis_address.unavailable import CacheUnavailable

#: How long its addresses are believed, in seconds.
REMEMBERED_SECONDS = 3600
#: Maximum length of an answer of the identity provider, in bytes.
MAXIMUM_BYTES = 262_144
_KEY = "single-sign-on-provider"


class IdentityProvider(msgspec.Struct, frozen=True):
    """Where the provider is asked for what."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def takes_basic(self) -> bool:
        """Say whether the client's secret goes by HTTP Basic; the standard's default."""
        return "client_secret_basic" in self.token_endpoint_auth_methods_supported


def identity_provider() -> IdentityProvider:
    """Return the provider of ``OIDC_ISSUER``. Raises ``SignOnFailed``; try again when it answers."""
    known = _remembered()
    if isinstance(known, Mapping) and known.get("issuer") == settings.OIDC_ISSUER:
        return msgspec.convert(known, IdentityProvider)
    found = _checked(_document(f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration"))
    with suppress(CacheUnavailable):
        cache.set(_KEY, msgspec.to_builtins(found), REMEMBERED_SECONDS)
    return found


def _remembered() -> object:
    """Return what was read lately; without Redis it is read again, for who is woken by that must be able to log in."""
    with suppress(CacheUnavailable):
        return cache.get(_KEY)
    return None


def _document(address: str) -> Any:
    try:
        with requests.get(address, timeout=settings.OIDC_TIMEOUT, allow_redirects=False, stream=True) as answer:
            answer.raise_for_status()
            return msgspec.json.decode(answer.raw.read(MAXIMUM_BYTES, decode_content=True))
    except (requests.RequestException, OSError, msgspec.DecodeError) as error:
        raise SignOnFailed("The identity provider does not answer as it should. Try again later.") from error


def _checked(document: Any) -> IdentityProvider:
    """Read the document; one of another issuer, or with addresses in clear text, is refused."""
    try:
        found = msgspec.convert(document, IdentityProvider)
    except msgspec.ValidationError as error:
        raise SignOnFailed("The identity provider's own description cannot be read.") from error
    if found.issuer != settings.OIDC_ISSUER:
        raise SignOnFailed("The identity provider calls itself by another issuer than OIDC_ISSUER.")
    addresses = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
    if urlsplit(found.issuer).scheme == "https" and not all(one.startswith("https://") for one in addresses if one):
        raise SignOnFailed("The identity provider names an address without TLS.")
    return found
