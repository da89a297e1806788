"""The addresses to which a report is mailed; pure."""

import re

_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


def mail_addresses(text: str) -> list[str]:
    """Read mail addresses with commas between them. Raises ``ValueError``."""
    found = [one.strip() for one in text.split(",") if one.strip()]
    if not all(map(_ADDRESS.fullmatch, found)):
        raise ValueError("give mail addresses with commas between them, for example boss@example.org,team@example.org")
    return found
