"""The mail server that EMAIL_URL names."""

import re
from typing import Any

import environ

_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")
SCHEMES = ("smtp", "smtp+tls", "smtps", "smtp+ssl", "consolemail", "filemail", "dummymail")


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's settings for outgoing mail; "" sends none. Raises ``ValueError``."""
    scheme = url.partition("://")[0]
    if url and ("://" not in url or scheme not in SCHEMES):
        raise ValueError("give an address like smtp+tls://USER:PASSWORD@mail.example.org:587")
    return dict(environ.Env.email_url_config(url or "dummymail://"))


def mail_addresses(text: str) -> list[str]:
    """Read mail addresses with commas between them. Raises ``ValueError``."""
    found = [one.strip() for one in text.split(",") if one.strip()]
    if not all(map(_ADDRESS.fullmatch, found)):
        raise ValueError("give mail addresses with commas between them, for example boss@example.org,team@example.org")
    return found
