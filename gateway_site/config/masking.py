"""Show a setting to others without what is secret in it."""

import re

#: Words in the names of settings that are secrets, or name people; of addresses only the login is.
SECRETS = ("SECRET", "KEY", "PASSWORD", "TOKEN", "MAIL_TO")
#: Ends of the names of settings that are addresses.
ADDRESSES = ("_URL", "_ENDPOINT", "_ISSUER")
#: The login of an address: up to the last @, for a password may hold any character. A user is shown only where a
#: password follows: a token is often written in its place.
LOGIN = re.compile(r"//(?P<user>[^:@/]*(?=:))?.*@", re.DOTALL)
#: Parameters of an address whose values are shown.
SHOWN = ("sslmode", "ssl_cert_reqs", "application_name", "connect_timeout", "target_session_attrs", "db")


def masked(name: str, value: str) -> str:
    """Return a setting's value for others to read."""
    if any(word in name for word in SECRETS) and not name.endswith("_FILE"):
        return f"set, {len(value)} characters"
    if "//" not in value:
        return f"set, {len(value)} characters, no address" if name.endswith(ADDRESSES) and value else value
    return without_login(value)


def without_login(value: str) -> str:
    """Return an address without its login and the values of its parameters."""
    address, _, query = LOGIN.sub(lambda found: f"//{found['user'] or ''}:***@", value).partition("?")
    shown = [one if one.partition("=")[0] in SHOWN else f"{one.partition('=')[0]}=***" for one in query.split("&")]
    return f"{address}?{'&'.join(shown)}" if query else address
