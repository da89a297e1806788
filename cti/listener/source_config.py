"""A source's row, made into what its session needs."""

import os
from pathlib import Path

from cti.models import CtiSource
from cti.sources.port import SourceConfig
from cti.sources.registry import source_kind


class SecretMissing(Exception):
    """The environment names a file for a secret that cannot be read; only a person can correct it."""

    retryable = False


def resolve_secret(env_name: str, stored: str) -> str:
    """Return a secret from the environment, else the stored one.

    ``NAME`` holds it, or ``NAME_FILE`` names the file that does. Raises ``SecretMissing`` when that file
    cannot be read: an older secret is no answer then.
    """
    if env_name and env_name in os.environ:
        return os.environ[env_name]
    path = os.environ.get(f"{env_name}_FILE") if env_name else None
    if not path:
        return str.__str__(stored)
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretMissing(f"{env_name}_FILE cannot be read: {type(error).__name__}") from error


def source_config(source: CtiSource) -> SourceConfig:
    """Return a source as its session needs it, the secret opened. Raises ``SecretMissing`` or ``VaultError``."""
    return SourceConfig(
        slug=source.slug,
        kind=source.kind,
        host=source.host,
        port=source.port or 0,
        tls=source.tls,
        ca_file=source.ca_file,
        username=source.username,
        secret=resolve_secret(source.secret_env, source.secret),
        devices=tuple(dict.fromkeys((*source.devices, *_test_phones(source)))),
        queues=dict(source.queues),
        options=dict(source.options),
    )


def _test_phones(source: CtiSource) -> list[str]:
    """Return the test extensions that are to be monitored: those of real calls, where the source lists its devices."""
    is_listed = bool(source.devices) or source_kind(source.kind).needs_devices
    return [str(one) for one in source.canary_extensions] if source.has_real_canaries and is_listed else []
