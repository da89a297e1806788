"""The addresses to which a report is mailed; pure."""

from email.errors import MessageError
from email.headerregistry import Address


def mail_addresses(text: str) -> list[str]:
    """Read mail addresses with commas between them. Raises ``ValueError``."""
    found = [one.strip() for one in text.split(",") if one.strip()]
    if not all(map(_is_address, found)):
        raise ValueError("give mail addresses with commas between them, for example boss@example.org,team@example.org")
    return found


def _is_address(text: str) -> bool:
    try:
        return Address(addr_spec=text).addr_spec == text
    except (MessageError, ValueError, IndexError):  # The last of an address without a domain.
        return False
