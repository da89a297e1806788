"""The site's signing keys: made at the first seal, changed by a person."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from evidence.chain import held_head
from evidence.models import EvidenceKey
from evidence.records import KeyChange, SignedKeyChange, as_text
from vault.fields import Secret, VaultError


@transaction.atomic
def present_key(now: datetime) -> EvidenceKey:
    """Return the key that signs now; the first is made when it is asked for.

    Raises ``VaultError`` where ``VAULT_KEYS`` cannot open it: only a person may change the key then.
    """
    held_head()
    return _present() or _made(now)


@transaction.atomic
def change_key(now: datetime) -> EvidenceKey:
    """Make a new key and retire the one before; both sign the change, if the old one can still be opened."""
    held_head()
    old = EvidenceKey.objects.defer("private").filter(retired_at=None).first()
    if old is None:
        return _made(now)
    EvidenceKey.objects.filter(pk=old.pk).update(retired_at=now)
    new = _made(now)
    new.change = _signed_change(old.public, new, now)
    EvidenceKey.objects.filter(pk=new.pk).update(change=new.change)
    return new


def _present() -> EvidenceKey | None:
    return EvidenceKey.objects.filter(retired_at=None).first()


def _made(now: datetime) -> EvidenceKey:
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes_raw().hex()
    public = private.public_key().public_bytes_raw().hex()
    return EvidenceKey.objects.create(public=public, private=Secret(text), made_at=now)


def _signed_change(old: str, new: EvidenceKey, now: datetime) -> str:
    text = as_text(KeyChange(old, new.public, now.isoformat()))
    try:
        by_old = sign(EvidenceKey.objects.get(pk=old), text)
    except VaultError:
        return ""  # The old key is lost: nothing links the two, and whoever verifies needs both.
    return as_text(SignedKeyChange(text, by_old, sign(new, text)))


def sign(key: EvidenceKey, text: str) -> str:
    """Return the key's signature of a text, hexadecimal."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(Secret(key.private).reveal()))
    return private.sign(text.encode()).hex()
