"""A model field whose value is encrypted in the database (cryptography's MultiFernet).

The keys come from ``settings.VAULT_KEYS``: the first encrypts, all decrypt, so that keys can be rotated. A value that
no key decrypts raises an error: it is never taken for the secret itself.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class VaultError(Exception):
    """A stored secret cannot be decrypted with the keys that are set; try again only with the right key."""


class Secret(str):
    """A secret that does not show itself in ``repr`` or error pages; use ``reveal()`` at the edge."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')" if len(self) else "Secret('')"

    def reveal(self) -> str:
        """Return the plain text."""
        return str.__str__(self)


def fernet(keys: Sequence[str]) -> MultiFernet:
    """Return what encrypts with the first of the keys and decrypts with all."""
    digests = (hashlib.sha256(key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def encrypt(plain: str) -> str:
    """Encrypt with the first key."""
    return fernet(settings.VAULT_KEYS).encrypt(plain.encode()).decode()


def decrypt(token: str, seconds: int | None = None) -> Secret:
    """Decrypt with whichever key fits. Raises ``VaultError`` when none does, or when it is older than ``seconds``."""
    try:
        return Secret(fernet(settings.VAULT_KEYS).decrypt(token.encode(), ttl=seconds).decode())
    except InvalidToken as error:
        raise VaultError("A stored secret cannot be decrypted: VAULT_KEYS lacks the key that encrypted it.") from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # the stub's parameters are not for subclasses
    """Text that is encrypted in the database and a ``Secret`` in Python; empty stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(str(value)) if value else ""

    def from_db_value(self, value: Any, *_: Any) -> Secret:
        return decrypt(value) if value else Secret("")

    def to_python(self, value: Any) -> Secret:
        return Secret(value or "")
