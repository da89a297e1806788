"""A key was copied: it is exchanged, and nothing that it protected is lost."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.signing import TimestampSigner
from django.db import connection
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from pytest_django import Settings

from cti.models import CtiSource
from evidence.api import present_key
from evidence.models import EvidenceKey
from flags.catalogue.flag_settings import hash_key
from gateway_site.config.environment import SettingsError, environment
from gateway_site.login.models import AuthenticatorApp
from gateway_site.roles import OPERATOR
from tests.attacks.actors import browser_of
from vault.fields import Secret, VaultError

pytestmark = pytest.mark.django_db

OLD, NEW = "old-key-" + "o" * 24, "new-key-" + "n" * 24
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def _rotate(*words: str) -> str:
    said = io.StringIO()
    call_command("rotate_keys", *words, stdout=said)
    return said.getvalue()


def _code(app: AuthenticatorApp) -> str:
    return f"{totp(app.bin_key, step=app.step, t0=app.t0, digits=app.digits):06}"


def _stored(settings: Settings) -> CtiSource:
    settings.VAULT_KEYS = [OLD]
    return CtiSource.objects.create(slug="pbx", kind="csta_xml", secret=Secret("open sesame"))


def test_stored_credentials_are_opened_by_the_new_key_alone_after_the_rotation(settings: Settings) -> None:
    """Before: a second key could be put before the first, and the first could never be taken away."""
    source = _stored(settings)
    settings.VAULT_KEYS = [NEW, OLD]

    assert "1 stored credential encrypted" in _rotate()
    assert "0 stored credentials encrypted" in _rotate()

    settings.VAULT_KEYS = [NEW]
    assert CtiSource.objects.get(pk=source.pk).secret.reveal() == "open sesame"
    settings.VAULT_KEYS = [OLD]
    with pytest.raises(VaultError):
        CtiSource.objects.get(pk=source.pk)


def test_the_key_that_signs_the_evidence_is_encrypted_again_too(settings: Settings) -> None:
    settings.VAULT_KEYS = [OLD]
    key = present_key(NOON)
    settings.VAULT_KEYS = [NEW, OLD]

    _rotate()

    settings.VAULT_KEYS = [NEW]
    assert EvidenceKey.objects.get(pk=key.pk).private.reveal() == key.private.reveal()


def test_the_old_key_is_not_removed_while_something_needs_it(settings: Settings, tmp_path: Path) -> None:
    _stored(settings)
    settings.VAULT_KEYS, settings.VAR_DIR = [NEW, OLD], tmp_path
    (tmp_path / "vault_key").write_text(f"{NEW}\n{OLD}")

    with pytest.raises(CommandError, match="1 stored credentials still need"):
        _rotate("--finish")

    _rotate()
    _rotate("--finish")
    assert (tmp_path / "vault_key").read_text() == NEW


def test_embedded_keys_are_exchanged_and_the_hashes_of_flags_stay(tmp_path: Path, settings: Settings) -> None:
    """Before: hashes came from SECRET_KEY and changed with it."""
    given = {"GATEWAY_VAR": str(tmp_path)}
    before = environment(given, tmp_path)
    settings.VAR_DIR = tmp_path

    _rotate("--prepare")

    between = environment(given, tmp_path)
    assert between.vault_keys[1:] == before.vault_keys
    assert between.secret_key != before.secret_key
    assert between.secret_key_fallbacks == [before.secret_key]
    settings.VAULT_KEYS = between.vault_keys
    _rotate()
    _rotate("--finish")
    after = environment(given, tmp_path)
    assert after.vault_keys == between.vault_keys[:1]
    assert (after.secret_key, after.secret_key_fallbacks) == (between.secret_key, [])
    assert after.hash_key == before.hash_key
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("vault_key", "secret_key", "hash_key")} == {0o600}


def test_what_the_old_key_signed_stays_valid_meanwhile(settings: Settings) -> None:
    settings.SECRET_KEY = OLD
    signed = TimestampSigner().sign("session")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]

    assert TimestampSigner().unsign(signed) == "session"


def test_hashed_flags_have_a_key_of_their_own(settings: Settings) -> None:
    before = hash_key()
    settings.SECRET_KEY = NEW

    assert hash_key() == before


def test_a_copy_of_the_database_holds_no_second_factor(settings: Settings) -> None:
    """Before: the app's key and the recovery codes stood there as they are."""
    settings.VAULT_KEYS = [OLD]
    client = browser_of(OPERATOR, "olga")
    client.get(reverse("second-factor-setup"))
    app = AuthenticatorApp.objects.get()
    shown = client.post(reverse("second-factor-setup"), {"code": _code(app)}).content.decode()
    recovery = shown.split("<li><code>")[1].split("</code>")[0]

    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM gateway_site_authenticatorapp")
        (stored,) = cursor.fetchone()
    assert app.key.reveal() not in stored
    assert stored.startswith("gAAAA")
    assert not StaticToken.objects.filter(token=recovery).exists()
    assert StaticToken.objects.count() == 10

    settings.VAULT_KEYS = [NEW, OLD]
    assert "1 stored credential encrypted" in _rotate()
    settings.VAULT_KEYS = [NEW]
    assert AuthenticatorApp.objects.get().key.reveal() == app.key.reveal()


@pytest.mark.parametrize("old", ["short", "x"])
def test_a_short_key_of_before_is_exchanged_and_only_then_refused(old: str, settings: Settings, tmp_path: Path) -> None:
    """Before: since keys must have 20 characters, a shorter one of before stopped the start, even behind a new one."""
    settings.VAULT_KEYS = [old]
    CtiSource.objects.create(slug="pbx", kind="csta_xml", secret=Secret("open sesame"))
    given = {"GATEWAY_VAR": str(tmp_path), "VAULT_KEYS": f"{NEW},{old}", "SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": old}

    found = environment(given, tmp_path)
    settings.VAULT_KEYS = found.vault_keys
    assert "1 stored credential encrypted" in _rotate()

    assert (found.vault_keys, found.secret_key_fallbacks) == ([NEW, old], [old])
    settings.VAULT_KEYS = [NEW]
    assert CtiSource.objects.get().secret.reveal() == "open sesame"
    with pytest.raises(SettingsError, match=r"VAULT_KEYS: key 1 has \d characters.*put a new key before it"):
        environment({**given, "VAULT_KEYS": old}, tmp_path)
