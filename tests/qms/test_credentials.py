"""Credentials at rest."""

import pytest
from django.db import connection
from pytest_django import Settings

from qms.models import DataServer, RecordingService
from vault.fields import Secret, VaultError, decrypt, encrypt


@pytest.mark.django_db
def test_a_password_is_unreadable_in_the_database_and_readable_in_python() -> None:
    server = DataServer.objects.create(slug="d")
    RecordingService.objects.create(slug="s", data_server=server, url="http://127.0.0.1:1/", password="hunter2")

    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM qms_recordingservice")
        stored = cursor.fetchone()[0]

    assert "hunter2" not in stored
    assert RecordingService.objects.get().password.reveal() == "hunter2"


def test_a_secret_does_not_show_itself_in_repr() -> None:
    assert "hunter2" not in repr(Secret("hunter2"))


def test_the_first_key_encrypts_and_every_key_decrypts(settings: Settings) -> None:
    settings.VAULT_KEYS = ["old"]
    token = encrypt("x")
    settings.VAULT_KEYS = ["new", "old"]

    assert decrypt(token) == "x"


def test_a_value_that_no_key_opens_raises_and_is_never_taken_for_the_secret(settings: Settings) -> None:
    settings.VAULT_KEYS = ["old"]
    token = encrypt("x")
    settings.VAULT_KEYS = ["other"]

    with pytest.raises(VaultError, match="VAULT_KEYS"):
        decrypt(token)
