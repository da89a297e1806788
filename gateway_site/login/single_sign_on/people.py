"""Whose account a log-in belongs to, and which roles the provider's groups give it.

An account is found by issuer and subject alone: names and mail addresses change hands, and a local account is never
taken over because its name is the same.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import transaction

from gateway_site.config.single_sign_on import ROLES
from gateway_site.login.models import SignOnIdentity
from gateway_site.login.single_sign_on.failure import SignOnFailed

#: Maximum number of groups read of a person.
MAXIMUM_GROUPS = 1000
#: Maximum length of a user name, in characters.
MAXIMUM_NAME = 150
_NOT_IN_NAMES = re.compile(r"[^\w.@+-]+")


def person_of(claims: Mapping[str, Any]) -> User:
    """Return the account of checked claims with the roles of its groups. Raises ``SignOnFailed``."""
    roles = roles_of(claims)
    with transaction.atomic():
        identity = SignOnIdentity.objects.select_for_update().filter(
            issuer=settings.OIDC_ISSUER, subject=str(claims["sub"])
        )
        known = identity.select_related("user").first()
        user = known.user if known else None
        if user is not None:
            _set_roles(user, roles)
        elif roles:
            user = _new_person(claims)
            _set_roles(user, roles)
    if user is None or not roles:
        raise SignOnFailed("None of your groups at the identity provider has a role here.")
    if not user.is_active:
        raise SignOnFailed("Your account here is not active.")
    return user


def groups_of(claims: Mapping[str, Any]) -> list[str] | None:
    """Return the groups that claims name; None where they name none. ``OIDC_GROUPS_CLAIM`` may be a path with dots."""
    value: Any = claims
    if settings.OIDC_GROUPS_CLAIM in claims:
        value = claims[settings.OIDC_GROUPS_CLAIM]
    else:
        for part in settings.OIDC_GROUPS_CLAIM.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return [value]
    return [one for one in value[:MAXIMUM_GROUPS] if isinstance(one, str)] if isinstance(value, list) else None


def roles_of(claims: Mapping[str, Any]) -> set[str]:
    """Return the roles of the groups; a group that ``OIDC_ROLES`` does not name gives none."""
    return {settings.OIDC_ROLES[one] for one in groups_of(claims) or () if one in settings.OIDC_ROLES}


def _new_person(claims: Mapping[str, Any]) -> User:
    """Make an account that no password opens. Raises ``SignOnFailed`` where its name is taken."""
    given = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    name = _NOT_IN_NAMES.sub("-", given)[:MAXIMUM_NAME]
    if User.objects.filter(username__iexact=name).exists():
        text = "Another account here has your user name already. An administrator can rename that account."
        raise SignOnFailed(text)
    user = User(username=name, email=str(claims.get("email") or "")[:254])
    user.set_unusable_password()
    user.save()
    SignOnIdentity.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=str(claims["sub"]))
    return user


def _set_roles(user: User, roles: set[str]) -> None:
    """Give exactly these of the four roles; without any, the account leads into no page any more."""
    before = set(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    user.groups.remove(*Group.objects.filter(name__in=before - roles))
    user.groups.add(*Group.objects.filter(name__in=roles - before))
    user.is_staff = bool(roles)
    user.is_superuser = user.is_superuser and bool(roles)
    user.save(update_fields=["is_staff", "is_superuser"])
    if before != roles:
        text = f"Roles by the identity provider: {_named(before)} \N{RIGHTWARDS ARROW} {_named(roles)}."
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, text, single_object=True)


def _named(roles: Iterable[str]) -> str:
    return ", ".join(sorted(roles)) or "none"
