"""The authentication backend: exchanges the code, checks the ID token, finds the account.

mozilla-django-oidc keeps state, nonce and PKCE and exchanges the code. It checks neither issuer nor audience, and finds
people by their mail address; both are done here otherwise.
"""

from collections.abc import Mapping
from typing import Any

import jwt
import requests
import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from gateway_site.login.single_sign_on.failure import SignOnFailed
from gateway_site.login.single_sign_on.people import groups_of, person_of
from gateway_site.login.single_sign_on.provider import identity_provider

log = structlog.get_logger(__name__)
#: Maximum difference between the provider's clock and ours, in seconds.
CLOCK_SECONDS = 60
#: What an answer that is not as it should be can raise.
UNTRUSTED = (jwt.PyJWTError, requests.RequestException, ValueError, TypeError, KeyError)
REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The identity provider's token has expired. Are the clocks right?"),
    (jwt.InvalidIssuerError, "The token is of another issuer."),
    (jwt.InvalidAudienceError, "The token is for another application."),
    (jwt.PyJWTError, "The identity provider's token is not valid."),
    (requests.RequestException, "The identity provider does not answer as it should. Try again later."),
)


class SingleSignOnBackend(OIDCAuthenticationBackend):
    """Authenticates who comes back from the identity provider, and nobody else."""

    def __init__(self) -> None:
        """Ask nothing of the provider: a backend is made for each request of a session."""
        self.UserModel = get_user_model()
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET
        self.OIDC_RP_SIGN_ALGO = settings.OIDC_RP_SIGN_ALGO
        self.OIDC_RP_IDP_SIGN_KEY = None

    def authenticate(
        self, request: HttpRequest | None, nonce: str = "", code_verifier: str = "", **_: Any
    ) -> User | None:
        """Return the account, or None; why not is then in ``request.sign_on_failure``."""
        if request is None or not nonce or not settings.OIDC_ISSUER:
            return None
        try:
            self._meet_provider()
            found: User | None = super().authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except SignOnFailed as error:
            request.sign_on_failure = str(error)  # type: ignore[attr-defined]
        except (*UNTRUSTED, SuspiciousOperation) as error:
            log.warning("sign_on_failed", error=type(error).__name__)
            request.sign_on_failure = _reason(error)  # type: ignore[attr-defined]
        else:
            return found
        return None

    def get_or_create_user(self, access_token: str, id_token: str, payload: Mapping[str, Any]) -> User:
        """Return the account; the groups come from the ID token, or else from the UserInfo end point."""
        claims = dict(payload)
        if groups_of(claims) is None and self.OIDC_OP_USER_ENDPOINT:
            more = self.get_userinfo(access_token, id_token, payload)
            if more.get("sub") != payload["sub"]:
                raise SignOnFailed("The identity provider answered for somebody else.")
            claims = {**more, **payload}
        return person_of(claims)

    def _meet_provider(self) -> None:
        provider = identity_provider()
        self.OIDC_OP_TOKEN_ENDPOINT = provider.token_endpoint
        self.OIDC_OP_USER_ENDPOINT = provider.userinfo_endpoint
        self.OIDC_OP_JWKS_ENDPOINT = provider.jwks_uri
        self._takes_basic = provider.takes_basic

    def get_settings(self, attr: str, *args: Any) -> Any:
        """Return a setting; how the secret is sent is the provider's to say."""
        if attr == "OIDC_TOKEN_USE_BASIC_AUTH":
            return self._takes_basic
        return super().get_settings(attr, *args)

    def _verify_jws(self, payload: str, key: Any) -> Mapping[str, Any]:
        """Check signature, issuer, audience and times of an ID token (OpenID Connect Core 1.0, 3.1.3.7)."""
        client = self.OIDC_RP_CLIENT_ID
        claims: dict[str, Any] = jwt.decode(
            payload,
            key,
            algorithms=[self.OIDC_RP_SIGN_ALGO],
            audience=client,
            issuer=settings.OIDC_ISSUER,
            leeway=CLOCK_SECONDS,
            options={"require": REQUIRED},
        )
        is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if is_for_several else client) != client:
            raise jwt.InvalidAudienceError("azp")
        return claims


def _reason(error: Exception) -> str:
    known = (text for kind, text in _REASONS if isinstance(error, kind))
    return next(known, "The identity provider's answer is not valid.")
