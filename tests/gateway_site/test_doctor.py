"""The doctor's file helps support and gives nothing away."""

from typing import Any

import msgspec
import pytest
from django.db import OperationalError
from django.utils import timezone

from calls.models import Gap
from cti.models import CtiSource, LinkState, LinkStatus
from gateway_site.config.masking import masked
from gateway_site.config.variables import EnvironmentVariables
from gateway_site.ops import doctor
from gateway_site.version import VERSION

pytestmark = pytest.mark.django_db

ENVIRONMENT = {
    "DATABASE_URL": "postgres://gateway:hunter2@db:5432/gateway?sslmode=require",
    "SECRET_KEY": "hunter2-hunter2-hunter2",
    "SECRET_KEY_FALLBACKS": "hunter2-hunter2-hunter2",
    "VAULT_KEYS": "hunter2-hunter2-hunter2",
    "VAULT_KEYS_FILE": "/run/secrets/vault",
    "OIDC_CLIENT_SECRET": "hunter2",
    "REPORT_MAIL_TO": "hunter2@example.org",
    "EMAIL_URL": "smtp://gateway@example.org:a/b?hunter2@mail:587?password=hunter2",
    "TRACES_ENDPOINT": "http://gateway:hunter2@collector:4318/v1/traces",
    "REDIS_URL": "rediss://:hunter2@redis:6379/0",
    "RETENTION_DAYS": "30",
    "QMS_PASSWORD": "hunter2",
    "JOURNAL_URL": "sentinel://a,b/gateway/0?sentinel_password=hunter2",
}


def test_it_says_what_support_asks_first(redis: Any) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    LinkStatus.objects.create(source=source, state=LinkState.UP, spooled=3)
    Gap.objects.create(source=source, began_at=timezone.now(), reason="The link broke.")

    found = doctor.diagnose(timezone.now(), ENVIRONMENT)

    assert found.sections["versions"]["gateway"] == VERSION
    assert found.sections["settings"]["RETENTION_DAYS"] == "30"
    assert found.sections["probes"]["database"].startswith("well")
    assert "spooled 3" in found.sections["sources"]["pbx"]
    assert list(found.sections["recent gaps"].values()) == ["The link broke."]
    assert not [one for one in found.sections.values() if "could not be made" in one]
    assert "  gateway: " in str(found)
    assert msgspec.json.encode(found)


def test_it_shows_no_secret(redis: Any) -> None:
    found = doctor.diagnose(timezone.now(), ENVIRONMENT)

    assert "hunter2" not in str(found)
    assert found.sections["settings"]["DATABASE_URL"] == "postgres://gateway:***@db:5432/gateway?sslmode=require"
    assert found.sections["settings"]["SECRET_KEY"] == "set, 23 characters"
    assert found.sections["settings"]["VAULT_KEYS_FILE"] == "/run/secrets/vault"
    assert found.sections["settings"]["EMAIL_URL"] == "smtp://:***@mail:587?password=***"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://u:a\nS3CRET@127.0.0.1:9/db"),
        ("EMAIL_URL", "smtp+tls://u:S3C/?#\nS3CRET@127.0.0.1:9"),
        ("TRACES_ENDPOINT", "http://127.0.0.1:9/v1?api_key=S3CRET"),
        ("REDIS_URL", "rediss://127.0.0.1:9/0?ssl_keyfile_passphrase=S3CRET"),
        ("REDIS_URL", "redis://127.0.0.1:9/0?PASSWORD=S3CRET"),
        ("DATABASE_URL", "postgresql://127.0.0.1:9/db?p%61ssword=S3CRET&sslmode=require"),
        ("DATABASE_URL", "postgres:u:S3CRET@127.0.0.1/db"),
        ("REDIS_URL", "redis://S3CRET@127.0.0.1:9/0"),
        ("OIDC_CLIENT_SECRET", "S3CRET"),
    ],
)
def test_no_form_of_an_address_shows_its_secret(name: str, value: str) -> None:
    assert "S3CRET" not in masked(name, value)


def test_a_setting_that_cannot_be_used_is_named_without_its_login() -> None:
    read = EnvironmentVariables({})
    read.refuse("PUBLIC_URL", "https://u:S3CRET@x/?token=S3CRET", "write it without a login")

    assert read.problems == ['PUBLIC_URL is "https://u:***@x/?token=***": write it without a login.']


def test_what_is_broken_does_not_keep_the_rest_from_being_reported(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(doctor, "installed_version", refuse)

    found = doctor.diagnose(timezone.now(), {})

    assert found.sections["versions"] == {"could not be made": "OperationalError: gone"}
    assert found.sections["machine"]["time zone"] == "UTC"
