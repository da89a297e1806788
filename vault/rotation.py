"""Encrypt every stored credential again with the first key, and say whether older keys are still needed."""

from collections.abc import Iterator

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Cast

from vault.fields import EncryptedTextField, fernet


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Yield every model with a field that is encrypted at rest."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:  # noqa: SLF001  (documented by Django)
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def encrypt_again() -> int:
    """Encrypt with the first key what it does not open; return how many. Raises ``VaultError``, changing nothing.

    Safe to repeat, and while the gateway runs: processes that know both keys read either.
    """
    count = 0
    with transaction.atomic():
        for model, name in encrypted_fields():
            for key in _not_opened_by_first(model, name):
                row = model._default_manager.select_for_update().get(pk=key)  # noqa: SLF001
                model._default_manager.filter(pk=key).update(**{name: getattr(row, name)})  # noqa: SLF001
                count += 1
    return count


def needing_old_keys() -> int:
    """Return how many stored values the first key alone does not open."""
    return sum(len(_not_opened_by_first(model, name)) for model, name in encrypted_fields())


def _not_opened_by_first(model: type[models.Model], name: str) -> list[object]:
    first = fernet(settings.VAULT_KEYS[:1])
    rows = model._default_manager.annotate(stored=Cast(name, models.TextField()))  # noqa: SLF001
    found = []
    for key, stored in rows.exclude(**{name: ""}).values_list("pk", "stored"):
        try:
            first.decrypt(stored.encode())
        except InvalidToken:
            found.append(key)
    return found
