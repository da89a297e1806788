"""Settings of the QMS Gateway, read from the environment (and ``.env``); embedded defaults where unset.

``gateway_site.config.environment`` reads and checks them; here stands what each is for. Secrets may also come from
files: ``NAME_FILE`` names a file that holds the value of ``NAME``.
"""

import os
from pathlib import Path
from typing import Any

import environ

import clock
from gateway_site.config.celery_settings import *  # noqa: F403  (one flat namespace is Django's idiom)
from gateway_site.config.environment import environment
from gateway_site.config.private_files import keep_private
from gateway_site.ops.logs import logging_settings
from gateway_site.ui.navigation import UNFOLD  # noqa: F401  (unfold reads it)
from redis_address.broker import broker
from telemetry.processes import keep_in

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(Path(os.environ.get("GATEWAY_ENV_FILE", BASE_DIR / ".env")))
_environment = environment(os.environ, BASE_DIR)

LOGGING = logging_settings(_environment.log_level, _environment.log_format)

#: Where the embedded database, Redis, spools and logs live.
VAR_DIR = _environment.var_dir
keep_private(VAR_DIR)
clock.keep(VAR_DIR / "clock")
keep_in(VAR_DIR / "metrics")
#: Each listener of a source has a spool of its own: two on one machine need two folders.
SPOOL_DIR = _environment.spool_dir
#: Where this machine keeps the archive of the journal, for how many days (0: none), and its maximum size.
ARCHIVE_DIR = _environment.archive_dir
ARCHIVE_DAYS = _environment.archive_days
ARCHIVE_MAX_BYTES = _environment.archive_max_bytes
#: The seals of the evidence that this machine has seen, outside the database.
EVIDENCE_SEALS = VAR_DIR / "evidence" / "seals.jsonl"
#: Where the web listens.
BIND = _environment.bind

DEBUG = _environment.debug

SECRET_KEY = _environment.secret_key
#: Keys that encrypt credentials at rest; the first encrypts, all decrypt. Never derived from SECRET_KEY.
VAULT_KEYS = _environment.vault_keys
#: Former keys: what they signed stays valid while keys are exchanged (``manage rotate_keys``).
SECRET_KEY_FALLBACKS = _environment.secret_key_fallbacks
#: The key of hashed flags, in hexadecimal; it must not change.
HASH_KEY = _environment.hash_key

ALLOWED_HOSTS = _environment.allowed_hosts
CSRF_TRUSTED_ORIGINS = _environment.csrf_trusted_origins
#: True where the gateway is reached over TLS: secure cookies, HSTS, redirect. The embedded default is loopback.
BEHIND_TLS = _environment.behind_tls
SECURE_SSL_REDIRECT = BEHIND_TLS
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "gateway_site.apps.GatewaySiteConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_structlog",
    "calls",
    "agents",
    "flags",
    "qms",
    "cti",
    "evidence",
    "gateway_site.alarms.apps.AlarmsConfig",
    "gateway_site.reconciliation.apps.ReconciliationConfig",
    "gateway_site.replays.apps.ReplaysConfig",
    "gateway_site.canary.apps.CanaryConfig",
]

MIDDLEWARE = [
    "gateway_site.middleware.RequestTime",
    "gateway_site.middleware.RedisWait",
    "gateway_site.middleware.MonitoringByAnyHost",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "gateway_site.middleware.AdminMethods",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gateway_site.middleware.RequestLog",
    "gateway_site.login.session_rules.IdleTimeout",
    "gateway_site.login.session_rules.SingleSignOnRenewal",
    "gateway_site.login.session_rules.SecondFactor",
    "gateway_site.ui.reader_zone.ReaderZone",
    "gateway_site.caller_views.QuarantineViews",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "gateway_site.urls"
WSGI_APPLICATION = "gateway_site.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {"default": _environment.database}
#: "transaction" where PgBouncer stands before the database in that mode; the limits of time are then the role's.
DATABASE_POOLER = _environment.database_pooler
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = _environment.redis_url
#: The journal may live on another Redis than broker and cache.
JOURNAL_URL = _environment.journal_url
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [REDIS_URL],  # A list: Django would split the names of several Sentinels at their commas.
        "KEY_PREFIX": "gateway",
        "OPTIONS": {
            "pool_class": "redis_address.pools.AddressPool",
            "serializer": "redis_address.plain_values.PlainValues",
            # As those of the journal: a page is not to wait long for a Redis that hangs.
            "socket_timeout": 1.5,
            "socket_connect_timeout": 1,
        },
    }
}
#: Failed log-ins: counted in memory while Redis is away, so that somebody can log in and see why.
CACHES["log-ins"] = {**CACHES["default"], "BACKEND": "redis_address.failure_counts.FailureCounts"}
AXES_CACHE = "log-ins"
_broker = broker(_environment.broker_url)
CELERY_BROKER_URL = _broker.url
CELERY_BROKER_TRANSPORT_OPTIONS |= _broker.transport_options  # noqa: F405  (of the Celery settings above)
CELERY_BROKER_USE_SSL = _broker.use_ssl

AUTHENTICATION_BACKENDS = [
    "gateway_site.login.address_throttle.AddressThrottle",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "gateway_site.login.single_sign_on.backend.SingleSignOnBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours; without it an account stays locked
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # the name alone would let anyone lock the operator out
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
#: How many proxies stand before the gateway; each adds an address to X-Forwarded-For.
PROXY_COUNT = _environment.proxy_count
AXES_CLIENT_IP_CALLABLE = "gateway_site.login.address_throttle.throttled_address"
#: Roles whose people must have a second factor; anybody else may set one up.
TWO_FACTOR_ROLES = _environment.two_factor_roles
OTP_TOTP_ISSUER = "QMS Gateway"
#: Single sign-on: the identity provider, by its issuer (empty: there is none), and which of its groups have which role.
OIDC_ISSUER = _environment.single_sign_on.issuer
OIDC_ROLES = _environment.single_sign_on.roles
OIDC_GROUPS_CLAIM = _environment.single_sign_on.groups_claim
#: True where the provider asks for a second factor: TWO_FACTOR_ROLES then concerns local log-ins alone.
OIDC_GIVES_SECOND_FACTOR = _environment.single_sign_on.gives_second_factor
#: The names of mozilla-django-oidc for the rest; addresses come from the provider itself.
OIDC_RP_CLIENT_ID = _environment.single_sign_on.client_id
OIDC_RP_CLIENT_SECRET = _environment.single_sign_on.client_secret
OIDC_RP_SCOPES = _environment.single_sign_on.scopes
OIDC_RP_SIGN_ALGO = _environment.single_sign_on.algorithm
OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = _environment.single_sign_on.renew_minutes * 60
OIDC_USE_PKCE = True
OIDC_AUTHENTICATION_CALLBACK_URL = "single-sign-on-callback"
#: Timeout of a request to the identity provider, in seconds.
OIDC_TIMEOUT = 5
#: Idle time-out of a session, in minutes.
SESSION_IDLE_MINUTES = _environment.session_idle_minutes
#: A sentence that stands on the dashboard, for example that this is a test system; "" for none.
SITE_NOTE = _environment.site_note

LANGUAGE_CODE = "en-gb"
#: One way of writing dates and times on every page; a format in the settings is overridden by the language's own.
TIME_ZONE = _environment.time_zone
FORMAT_MODULE_PATH = "gateway_site.formats"
USE_I18N = False
USE_TZ = True

#: Where a proxy serves the gateway under a path (/gateway) of a host; the proxy takes the path off before it passes on.
FORCE_SCRIPT_NAME = _environment.sub_path or None
#: Other applications of the same host do not get the gateway's cookies.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_environment.sub_path}/"
STATIC_URL = f"{_environment.sub_path}/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a folder that is not there; it serves from the apps anyway.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

#: The admin's Alpine needs 'unsafe-eval'; nothing comes from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "connect-src": ["'self'"],
    }
}

#: Outgoing mail (``smtp://USER:PASSWORD@HOST:25``); without it nothing is mailed, and pages do not offer it.
CAN_MAIL = _environment.can_mail
vars().update(_environment.email)
DEFAULT_FROM_EMAIL = _environment.email_from
#: Where people reach the gateway, for links in mails and alarms; without it these have none.
PUBLIC_URL = _environment.public_url
#: Who gets the report of each month on the first working day after it.
REPORT_MAIL_TO = _environment.report_mail_to
#: In seconds: a mail server that hangs must not hold a worker.
EMAIL_TIMEOUT = 20

#: What bounds everything that comes from outside; ``cti.bounds`` says of each what happens beyond.
INTAKE_MAX_BYTES = _environment.intake_max_bytes
INTAKE_MAX_EVENTS = _environment.intake_max_events
INTAKE_EVENTS_PER_SECOND = _environment.intake_events_per_second
INTAKE_BYTES_PER_SECOND = _environment.intake_bytes_per_second
LINK_EVENTS_PER_SECOND = _environment.link_events_per_second
LINK_BYTES_PER_SECOND = _environment.link_bytes_per_second
DATA_UPLOAD_MAX_MEMORY_SIZE = INTAKE_MAX_BYTES
#: How long an event's id is known again; a source may repeat itself that long.
INTAKE_REMEMBER_SECONDS = _environment.intake_remember_seconds
#: What one source may hold open, and the events that its journal may have.
SOURCE_MAX_CALLS = _environment.source_max_calls
SOURCE_MAX_LEGS = _environment.source_max_legs
SOURCE_MAX_AGENTS = _environment.source_max_agents
SOURCE_MAX_DEVICES = _environment.source_max_devices
SOURCE_MAX_JOURNAL = _environment.source_max_journal
#: Live calls, and live legs, of one source that its events process keeps in memory; the rest is loaded when needed.
LEGS_IN_MEMORY = _environment.legs_in_memory
#: What a listener keeps in a file while Redis is away; about 400 bytes an event.
SPOOL_MAX_BYTES = _environment.spool_max_bytes

#: Days that legs, journal copies and quarantine are kept.
RETENTION_DAYS = _environment.retention_days
#: Hours after which calls are compared with what QMS holds: until then flags may still be on their way.
RECONCILE_AFTER_HOURS = _environment.reconcile_after_hours
#: Only agents' calls get flags where True; a leg at an extension with nobody logged on ends as agent_unknown.
AGENTS_CALLS_ONLY = _environment.agents_calls_only
#: A flag write that QMS could not take for this long is given up, with an outcome.
FLAG_WRITE_GIVE_UP_DAYS = _environment.flag_write_give_up_days
#: When all agents are matched once more before the shift, by the site's clock; empty: never.
PRE_SHIFT_AT = _environment.pre_shift_at
#: When calls are to be expected, by the site's clock (empty: never), and how long none may come then.
WORKING_HOURS = _environment.working_hours
QUIET_HOURS = _environment.quiet_hours
#: Host names, addresses and networks at which QMS may be called; empty: anywhere but at link-local addresses.
QMS_ENDPOINTS = _environment.qms_endpoints
#: The folder in which a WSDL file may lie; a Recording Service names no other file.
WSDL_FOLDER = _environment.wsdl_folder
#: Adapters for other recorders, as package.module:Class; those with an entry point need no setting.
RECORDER_ADAPTERS = _environment.recorder_adapters
#: The share of finished calls that the site wants flagged; below it the dashboard says so.
FLAGGED_TARGET_PERCENT = _environment.flagged_target_percent
#: What is promised of times: this share within these times, in milliseconds from Connected and from the disconnect.
TIMES_TARGET_PERCENT = _environment.times_target_percent
GUID_TARGET_MS = _environment.guid_target_ms
FLAGS_TARGET_MS = _environment.flags_target_ms
#: Packages outside ``cti.sources`` that declare a kind of CTI source; their entry points need no setting.
CTI_SOURCE_PACKAGES = _environment.cti_source_packages
#: Hours that events, and QMS's answers to searches, are kept in Redis after they were folded: a restored backup that is
#: younger loses no call.
JOURNAL_KEEP_HOURS = _environment.journal_keep_hours
#: An event is accepted when this many replicas of Redis have it too; 0: as soon as the master has.
JOURNAL_WAIT_REPLICAS = _environment.journal_wait_replicas
#: Where traces go by OTLP over HTTP; empty: none are made.
TRACES_ENDPOINT = _environment.traces_endpoint
