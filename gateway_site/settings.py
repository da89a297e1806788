"""Settings of the QMS Gateway, read from the environment (and ``.env``); embedded defaults where unset.

Secrets may also come from files: ``NAME_FILE`` names a file that holds the value of ``NAME``.
"""

import contextlib
import os
from datetime import time
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

import clock
from gateway_site.config import embedded
from gateway_site.config.celery_settings import *  # noqa: F403  (one flat namespace is Django's idiom)
from gateway_site.config.private_files import keep_private
from gateway_site.ops.logs import LOGGING  # noqa: F401  (Django reads it)
from gateway_site.ui.navigation import UNFOLD  # noqa: F401  (unfold reads it)
from qms import endpoints

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
environ.Env.read_env(Path(os.environ.get("GATEWAY_ENV_FILE", BASE_DIR / ".env")))

#: Where the embedded database, Redis, spools and logs live.
VAR_DIR = Path(env.str("GATEWAY_VAR", default=str(BASE_DIR / "var"))).resolve()
keep_private(VAR_DIR)
clock.keep(VAR_DIR / "clock")
#: Each listener of a source has a spool of its own: two on one machine need two folders.
SPOOL_DIR = Path(env.str("SPOOL_DIR", default=str(VAR_DIR / "spool")))

DEBUG = env.bool("DEBUG", default=False)


def _embedded_secret(name: str) -> str:
    """Return a secret that lives in a file of VAR_DIR, made once: the embedded default needs no set-up."""
    path = VAR_DIR / name
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(get_random_secret_key() + get_random_secret_key())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # Atomic: of two processes that start at once, the first one's secret stands.
        fresh.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _embedded_secret("secret_key")
#: Keys that encrypt credentials at rest; the first encrypts, all decrypt. Never derived from SECRET_KEY.
VAULT_KEYS = env.list("VAULT_KEYS", default=[]) or [_embedded_secret("vault_key")]

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
#: True where the gateway is reached over TLS: secure cookies, HSTS, redirect. The embedded default is loopback.
BEHIND_TLS = env.bool("BEHIND_TLS", default=False)
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
    "simulators",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "gateway_site.middleware.AdminMethods",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gateway_site.middleware.RequestLog",
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

DATABASE_URL = env.str("DATABASE_URL", default="")
_embedded_database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "gateway.sqlite3")}
DATABASES: dict[str, dict[str, Any]] = {
    "default": environ.Env.db_url_config(DATABASE_URL) if DATABASE_URL else _embedded_database
}
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # IMMEDIATE: a deferred read-then-write fails at once when another writer came between, whatever the time-out.
    # FULL: the mark that a flag is being sent must survive a power loss.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
    }
    # Django's test database lives in memory by default, shared by threads without WAL: nothing like the real one.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        # What is live is in memory, and disks have no heads: at PostgreSQL's own 4.0 it reads young tables, of which it
        # has no statistics yet, from end to end, and joins the flags of a batch by a hash of all of them.
        "options": "-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=15000"
        " -c random_page_cost=1.1",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url(VAR_DIR)
#: The journal may live on another Redis than broker and cache.
JOURNAL_URL = env.str("JOURNAL_URL", default="") or REDIS_URL
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "gateway",
        "OPTIONS": {"socket_timeout": 5, "socket_connect_timeout": 2},
    }
}
CELERY_BROKER_URL = env.str("BROKER_URL", default="") or (
    REDIS_URL.replace("unix://", "redis+socket://", 1) if REDIS_URL.startswith("unix://") else REDIS_URL
)

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours; without it a lock is for ever
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # the name alone would let anyone lock the operator out
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
#: How many proxies stand before the gateway; each adds an address to X-Forwarded-For.
PROXY_COUNT = env.int("PROXY_COUNT", default=0)
AXES_CLIENT_IP_CALLABLE = "gateway_site.middleware.client_address"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
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

#: The HTTP intake's limits.
INTAKE_MAX_BYTES = env.int("INTAKE_MAX_BYTES", default=1_048_576)
INTAKE_MAX_EVENTS = env.int("INTAKE_MAX_EVENTS", default=500)
INTAKE_EVENTS_PER_SECOND = env.int("INTAKE_EVENTS_PER_SECOND", default=20_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = INTAKE_MAX_BYTES
#: How long an event's id is known again; a source may repeat itself that long.
INTAKE_REMEMBER_SECONDS = env.int("INTAKE_REMEMBER_SECONDS", default=86_400)
#: What a listener keeps in a file while Redis is away; about 400 bytes an event.
SPOOL_MAX_BYTES = env.int("SPOOL_MAX_BYTES", default=268_435_456)

#: Days that legs, journal copies and quarantine are kept.
RETENTION_DAYS = env.int("RETENTION_DAYS", default=400)
#: Only agents' calls get flags where True; a leg at an extension with nobody logged on ends as agent_unknown.
AGENTS_CALLS_ONLY = env.bool("AGENTS_CALLS_ONLY", default=False)
#: A flag write that QMS could not take for so long is given up, with an outcome.
FLAG_WRITE_GIVE_UP_DAYS = env.float("FLAG_WRITE_GIVE_UP_DAYS", default=7)
#: When all agents are matched once more before the shift, by the site's clock; empty: never.
_pre_shift_at = env.str("PRE_SHIFT_AT", default="06:30")
try:
    PRE_SHIFT_AT = time.fromisoformat(_pre_shift_at) if _pre_shift_at else None
except ValueError as error:
    raise ImproperlyConfigured("PRE_SHIFT_AT is no time of day: write it like 06:30, or leave it empty.") from error
#: Host names, addresses and networks at which QMS may be called; empty: anywhere but at link-local addresses.
QMS_ENDPOINTS = env.list("QMS_ENDPOINTS", default=[])
try:
    endpoints.parse(QMS_ENDPOINTS)
except ValueError as error:
    raise ImproperlyConfigured(f"QMS_ENDPOINTS: {error}.") from error
#: The share of finished calls that the site wants flagged; below it the dashboard says so.
FLAGGED_TARGET_PERCENT = env.float("FLAGGED_TARGET_PERCENT", default=99)
#: Packages outside ``cti.sources`` that declare a kind of CTI source; their entry points need no setting.
CTI_SOURCE_PACKAGES = env.list("CTI_SOURCE_PACKAGES", default=[])
