"""Every setting that comes from the environment, read and checked in one place at the start.

``environment`` returns the values or raises ``SettingsError`` with a sentence for each that cannot be used. An error
that would only follow from another is not reported: nothing is connected here.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from calls.objectives.addresses import mail_addresses
from cti import working_hours
from cti.working_hours import WorkingHours
from gateway_site.config import embedded
from gateway_site.config.bind import Bind, parse_bind
from gateway_site.config.database import POOLERS, database
from gateway_site.config.mail import mail_settings
from gateway_site.config.public_address import public_address
from gateway_site.config.single_sign_on import SingleSignOn, single_sign_on
from gateway_site.config.variables import EnvironmentVariables
from qms import allowed_hosts
from redis_address import check_address

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("console", "json")
_HEX_KEY = re.compile(r"[0-9a-f]{64}")
#: Minimum lengths, in characters.
MINIMUM_SECRET_KEY, MINIMUM_VAULT_KEY = 20, 20
#: One or more segments, such as /gateway or /voice/gateway/.
SUB_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+/?")


class SettingsError(ImproperlyConfigured):
    """The gateway cannot start with its settings; ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        few = "1 setting" if len(problems) == 1 else f"{len(problems)} settings"
        super().__init__("\n  ".join([f"{few} cannot be used:", *problems]))
        self.problems = problems


@dataclass(frozen=True)
class Environment:
    """What the environment says, checked; ``settings.py`` documents what each is for."""

    var_dir: Path
    spool_dir: Path
    archive_dir: Path
    archive_days: int
    archive_max_bytes: int
    debug: bool
    log_level: str
    log_format: str
    bind: Bind
    secret_key: str
    vault_keys: list[str]
    secret_key_fallbacks: list[str]
    hash_key: str
    database: dict[str, Any]
    database_pooler: str
    redis_url: str
    journal_url: str
    broker_url: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    behind_tls: bool
    proxy_count: int
    time_zone: str
    intake_max_bytes: int
    intake_max_events: int
    intake_events_per_second: int
    intake_bytes_per_second: int
    link_events_per_second: int
    link_bytes_per_second: int
    source_max_journal: int
    legs_in_memory: int
    intake_remember_seconds: int
    two_factor_roles: list[str]
    single_sign_on: SingleSignOn
    session_idle_minutes: int
    site_note: str
    source_max_calls: int
    source_max_legs: int
    source_max_agents: int
    source_max_devices: int
    spool_max_bytes: int
    sub_path: str
    reconcile_after_hours: float
    retention_days: int
    agents_calls_only: bool
    flag_write_give_up_days: float
    pre_shift_at: time | None
    working_hours: WorkingHours | None
    quiet_hours: float
    qms_endpoints: list[str]
    wsdl_folder: Path
    recorder_adapters: list[str]
    flagged_target_percent: float
    times_target_percent: float
    guid_target_ms: int
    flags_target_ms: int
    cti_source_packages: list[str]
    can_mail: bool
    email: dict[str, Any]
    email_from: str
    public_url: str
    report_mail_to: list[str]
    journal_keep_hours: int
    journal_wait_replicas: int
    traces_endpoint: str


def environment(values: Mapping[str, str], base_dir: Path) -> Environment:
    """Read all settings. Raises ``SettingsError``; makes the folders and, once, the embedded secrets."""
    read = EnvironmentVariables(values)
    var_dir = read.folder("GATEWAY_VAR", base_dir / "var")
    if read.problems:  # Half of what follows lives there.
        raise SettingsError(read.problems)
    found = _read(read, var_dir)
    if read.problems:
        raise SettingsError(read.problems)
    return found


def _read(read: EnvironmentVariables, var_dir: Path) -> Environment:
    """Read them in the order of their meaning: one bad variable hides no other."""
    secret_keys = _secret_keys(read, var_dir)
    pooler = read.choice("DATABASE_POOLER", "", POOLERS)
    redis_url = _redis(read, "REDIS_URL", embedded.redis_url(var_dir))
    origins, sub_path = _origins(read), read.checked("SUB_PATH", "", _sub_path)
    for name in (
        "EVENTS_WORKERS",
        "WEB_WORKERS",
        "WEB_THREADS",
        "INTAKE_THREADS",
        "DEFAULT_THREADS",
    ):
        read.whole(name, 1, 1, 512)  # The Procfile passes them on.
    return Environment(
        var_dir=var_dir,
        spool_dir=read.folder("SPOOL_DIR", var_dir / "spool"),
        # One that cannot be written is reported, and must not keep the gateway from starting.
        archive_dir=Path(read.text("ARCHIVE_DIR") or var_dir / "archive").resolve(),
        archive_days=read.whole("ARCHIVE_DAYS", 30, 0, 36_500),
        archive_max_bytes=read.whole("ARCHIVE_MAX_BYTES", 10_737_418_240, 1_048_576, 1_125_899_906_842_624),
        debug=read.boolean("DEBUG"),
        log_level=read.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
        log_format=read.choice("LOG_FORMAT", "console", LOG_FORMATS),
        bind=read.checked("BIND", "127.0.0.1:8000", parse_bind),
        secret_key=secret_keys[0],
        secret_key_fallbacks=secret_keys[1:],
        hash_key=_hash_key(read, var_dir, secret_keys[-1]),
        vault_keys=_vault_keys(read, var_dir),
        database=_database(read, var_dir, pooler),
        database_pooler=pooler,
        redis_url=redis_url,
        journal_url=_redis(read, "JOURNAL_URL", redis_url),
        broker_url=_redis(read, "BROKER_URL", redis_url),
        allowed_hosts=read.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]"),
        csrf_trusted_origins=origins,
        behind_tls=read.boolean("BEHIND_TLS"),
        proxy_count=read.whole("PROXY_COUNT", 0, 0, 10),
        time_zone=read.time_zone("TIME_ZONE"),
        # The defaults of the bounds stand in cti.bounds too, where the manual takes them from; a test compares.
        intake_max_bytes=read.whole("INTAKE_MAX_BYTES", 1_048_576, 1024, 104_857_600),
        intake_max_events=read.whole("INTAKE_MAX_EVENTS", 500, 1, 10_000),
        intake_events_per_second=read.whole("INTAKE_EVENTS_PER_SECOND", 2_000, 1, 1_000_000),
        intake_bytes_per_second=read.whole("INTAKE_BYTES_PER_SECOND", 4_194_304, 1024, 10_737_418_240),
        link_events_per_second=read.whole("LINK_EVENTS_PER_SECOND", 10_000, 1, 1_000_000),
        link_bytes_per_second=read.whole("LINK_BYTES_PER_SECOND", 33_554_432, 1024, 10_737_418_240),
        source_max_journal=read.whole("SOURCE_MAX_JOURNAL", 10_000_000, 100, 10_000_000_000),
        legs_in_memory=read.whole("LEGS_IN_MEMORY", 50_000, 10, 10_000_000),
        intake_remember_seconds=read.whole("INTAKE_REMEMBER_SECONDS", 86_400, 60, 2_592_000),
        two_factor_roles=read.words("TWO_FACTOR_ROLES"),
        site_note=read.text("SITE_NOTE"),
        single_sign_on=single_sign_on(read),
        session_idle_minutes=read.whole("SESSION_IDLE_MINUTES", 60, 1, 1440),
        source_max_calls=read.whole("SOURCE_MAX_CALLS", 50_000, 1, 10_000_000),
        source_max_legs=read.whole("SOURCE_MAX_LEGS", 50_000, 1, 10_000_000),
        source_max_agents=read.whole("SOURCE_MAX_AGENTS", 20_000, 1, 10_000_000),
        source_max_devices=read.whole("SOURCE_MAX_DEVICES", 50_000, 1, 10_000_000),
        spool_max_bytes=read.whole("SPOOL_MAX_BYTES", 268_435_456, 4096, 1_099_511_627_776),
        sub_path=sub_path,
        retention_days=read.whole("RETENTION_DAYS", 400, 1, 36_500),
        reconcile_after_hours=read.number("RECONCILE_AFTER_HOURS", 2, 0.05, 720),
        agents_calls_only=read.boolean("AGENTS_CALLS_ONLY"),
        flag_write_give_up_days=read.number("FLAG_WRITE_GIVE_UP_DAYS", 7, 0.01, 365),
        pre_shift_at=read.time_of_day("PRE_SHIFT_AT", "06:30"),
        working_hours=read.checked("WORKING_HOURS", "mon-fri 8:00-18:00", working_hours.parse),
        quiet_hours=read.number("QUIET_HOURS", 2, 0.1, 24),
        qms_endpoints=_endpoints(read),
        wsdl_folder=Path(read.text("WSDL_FOLDER") or var_dir / "wsdl").resolve(),
        recorder_adapters=read.words("RECORDER_ADAPTERS"),
        flagged_target_percent=read.number("FLAGGED_TARGET_PERCENT", 99, 0, 100),
        times_target_percent=read.number("TIMES_TARGET_PERCENT", 99, 0, 100),
        guid_target_ms=read.whole("GUID_TARGET_MS", 2_500, 10, 3_600_000),
        flags_target_ms=read.whole("FLAGS_TARGET_MS", 5_000, 10, 3_600_000),
        cti_source_packages=read.words("CTI_SOURCE_PACKAGES"),
        can_mail=read.is_set("EMAIL_URL"),
        email=read.checked("EMAIL_URL", "", mail_settings, is_secret=True),
        email_from=read.text("EMAIL_FROM", "qms-gateway@localhost"),
        public_url=read.checked("PUBLIC_URL", "", lambda url: public_address(url, sub_path, origins)),
        report_mail_to=_report_mail_to(read),
        journal_wait_replicas=read.whole("JOURNAL_WAIT_REPLICAS", 0, 0, 10),
        traces_endpoint=_collector(read),
        journal_keep_hours=read.whole("JOURNAL_KEEP_HOURS", 6, 1, 8760),
    )


def _sub_path(path: str) -> str:
    """Return a path without its last slash. Raises ``ValueError`` where no proxy could pass it on as it is."""
    if path.strip("/") and not SUB_PATH.fullmatch(path):
        raise ValueError("give a path like /gateway, of letters, digits, - and _")
    return path.rstrip("/")


def _redis(read: EnvironmentVariables, name: str, default: str) -> str:
    return read.checked(name, "", lambda url: check_address(url) if url else default, is_secret=True)


def _database(read: EnvironmentVariables, var_dir: Path, pooler: str) -> dict[str, Any]:
    return read.checked("DATABASE_URL", "", lambda url: database(url, var_dir, pooler), is_secret=True)


def _endpoints(read: EnvironmentVariables) -> list[str]:
    listed = read.words("QMS_ENDPOINTS")
    try:
        allowed_hosts.parse(listed)
    except ValueError as error:
        read.refuse("QMS_ENDPOINTS", ",".join(listed), str(error))
    return listed


def _report_mail_to(read: EnvironmentVariables) -> list[str]:
    """Return who gets the monthly report; refused where there is no mail server to send it."""
    addresses = read.checked("REPORT_MAIL_TO", "", mail_addresses)
    if addresses and not read.is_set("EMAIL_URL"):
        read.refuse("REPORT_MAIL_TO", ",".join(addresses), "mailing needs a mail server: give EMAIL_URL too")
    return addresses


def _collector(read: EnvironmentVariables) -> str:
    """Return where traces go; refused without an http address, and where the packages for traces are missing."""
    address = read.text("TRACES_ENDPOINT")
    if address and urlsplit(address).scheme not in ("http", "https"):
        read.refuse(
            "TRACES_ENDPOINT", address, "give a collector's address, for example http://127.0.0.1:4318/v1/traces"
        )
    elif address and find_spec("opentelemetry") is None:
        read.refuse("TRACES_ENDPOINT", address, "traces need packages: pip install -r requirements-tracing.txt")
    return address


def _origins(read: EnvironmentVariables) -> list[str]:
    listed = read.words("CSRF_TRUSTED_ORIGINS")
    for one in listed:
        if urlsplit(one).scheme not in ("http", "https") or not urlsplit(one).netloc:
            read.refuse(
                "CSRF_TRUSTED_ORIGINS", one, "begin each with https://, for example https://gateway.example.org"
            )
    return listed


def _secret_keys(read: EnvironmentVariables, var_dir: Path) -> list[str]:
    key = read.text("SECRET_KEY")
    if key and len(key) < MINIMUM_SECRET_KEY:
        text = (
            f"it has {len(key)} characters, and {MINIMUM_SECRET_KEY} are needed: give a new random one, "
            "and the old one as SECRET_KEY_FALLBACKS"
        )
        read.refuse("SECRET_KEY", None, text)
    if key:
        return [key, *read.words("SECRET_KEY_FALLBACKS")]
    return embedded_secret(var_dir / "secret_key").split()


def _hash_key(read: EnvironmentVariables, var_dir: Path, secret_key: str) -> str:
    """Return the key of hashed flags; made from SECRET_KEY, as it was before it had a file: hashes stay the same."""
    given = read.text("HASH_KEY")
    if given:
        return hashlib.sha256(given.encode()).hexdigest() if not _HEX_KEY.fullmatch(given) else given
    derived = hmac.new(secret_key.encode(), b"flags: keyed hash", hashlib.sha256).hexdigest()
    return embedded_secret(var_dir / "hash_key", derived)


def _vault_keys(read: EnvironmentVariables, var_dir: Path) -> list[str]:
    """Return the keys; the first encrypts and must be long, an older one behind it is only read with."""
    keys = read.words("VAULT_KEYS")
    if keys and len(keys[0]) < MINIMUM_VAULT_KEY:
        text = (
            f"key 1 has {len(keys[0])} characters, and {MINIMUM_VAULT_KEY} are needed: put a new key before it "
            "(VAULT_KEYS=NEW,OLD), start, run rotate_keys, and take the old one out"
        )
        read.refuse("VAULT_KEYS", None, text)
    return keys or embedded_secret(var_dir / "vault_key").split()


def new_secret() -> str:
    """Return a new secret."""
    return secrets.token_urlsafe(75)


def embedded_secret(path: Path, first: str = "") -> str:
    """Return what a file of secrets holds, made at the first start: the embedded default needs no set-up.

    ``first``: the secret to begin with; a new one where it is empty.
    """
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(first or new_secret())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # Atomic: of two processes that start at once, the first one's secret stands.
        fresh.unlink()
    return path.read_text().strip()
