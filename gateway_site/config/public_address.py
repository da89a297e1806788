"""Where people reach the gateway, for links in mails and alarms."""

from collections.abc import Sequence
from urllib.parse import urlsplit

WANTED = "give the address of the gateway in a browser, for example https://gateway.example.org"


def public_address(url: str, sub_path: str, origins: Sequence[str]) -> str:
    """Return the address with the sub-path and without a slash at its end; "" where nothing names one.

    Without ``url`` it is the first of the trusted origins that names one host. Raises ``ValueError``.
    """
    if not url:
        origin = next((one for one in origins if "*" not in one), "")
        return f"{origin.rstrip('/')}{sub_path}" if origin else ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError(WANTED)
    if parts.path.rstrip("/") not in ("", sub_path):
        raise ValueError(f"its path must be that of SUB_PATH, which is {sub_path or 'empty'}")
    return f"{parts.scheme}://{parts.netloc}{sub_path}"
