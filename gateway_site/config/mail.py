"""The mail server that EMAIL_URL names."""

from typing import Any

import environ

SCHEMES = ("smtp", "smtp+tls", "smtps", "smtp+ssl", "consolemail", "filemail", "dummymail")


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's settings for outgoing mail; "" sends none. Raises ``ValueError``."""
    scheme = url.partition("://")[0]
    if url and ("://" not in url or scheme not in SCHEMES):
        raise ValueError("give an address like smtp+tls://USER:PASSWORD@mail.example.org:587")
    return dict(environ.Env.email_url_config(url or "dummymail://"))
