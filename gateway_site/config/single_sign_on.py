"""Settings of single sign-on by OpenID Connect: all that are needed, or none."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway_site.config.variables import EnvironmentVariables

#: The roles that groups of the identity provider can be mapped to.
ROLES = ("Administrator", "Operator", "Supervisor", "Auditor")
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
NEEDED = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES")


@dataclass(frozen=True)
class SingleSignOn:
    """The identity provider and what its groups mean here. ``issuer`` empty: there is none."""

    issuer: str
    client_id: str
    client_secret: str
    #: The role of each group of the provider.
    roles: Mapping[str, str]
    groups_claim: str
    scopes: str
    algorithm: str
    gives_second_factor: bool
    renew_minutes: int


def single_sign_on(read: EnvironmentVariables) -> SingleSignOn:
    """Read the settings; where one of those that are needed is given, all must be."""
    missing = [name for name in NEEDED if not read.is_set(name)]
    if missing and len(missing) < len(NEEDED):
        for name in missing:
            read.refuse(name, None, f"it is needed for single sign-on; give it, or none of {', '.join(NEEDED)}")
    return SingleSignOn(
        issuer=read.checked("OIDC_ISSUER", "", _issuer),
        client_id=read.text("OIDC_CLIENT_ID"),
        client_secret=read.text("OIDC_CLIENT_SECRET"),
        roles=read.checked("OIDC_ROLES", "", _roles),
        groups_claim=read.text("OIDC_GROUPS_CLAIM") or "groups",
        scopes=read.checked("OIDC_SCOPES", "openid profile", _scopes),
        algorithm=read.choice("OIDC_ALGORITHM", "RS256", ALGORITHMS),
        gives_second_factor=read.boolean("OIDC_GIVES_SECOND_FACTOR"),
        renew_minutes=read.whole("OIDC_RENEW_MINUTES", 15, 1, 480),
    )


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if value and (not is_safe or not parts.hostname or parts.query or parts.fragment or parts.username):
        raise ValueError("give the provider's issuer as it names itself, for example https://login.example.org/realm")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _roles(value: str) -> Mapping[str, str]:
    """Read ``group=Role, group=Role``; a group may hold an equals sign, as names of LDAP do."""
    found: dict[str, str] = {}
    for one in (part.strip() for part in value.split(";" if ";" in value else ",") if part.strip()):
        group, _, role = (word.strip() for word in one.rpartition("="))
        if not group or role not in ROLES:
            raise ValueError(f"write GROUP=ROLE, separated by commas, or by semicolons; a role is {', '.join(ROLES)}")
        found[group] = role
    return found


def _scopes(value: str) -> str:
    if "openid" not in value.split():
        raise ValueError('name the scopes, separated by spaces; "openid" must be one of them')
    return value
