"""Settings are read and checked at the start: what cannot be used is named in a sentence, with what would do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_site.config.bind import Bind, parse_bind
from gateway_site.config.database import SESSION_LIMITS, database
from gateway_site.config.environment import Environment, SettingsError, environment
from launcher.paths import ROOT, sealed_environment


def read(tmp_path: Path, **values: str) -> Environment:
    return environment({"GATEWAY_VAR": str(tmp_path / "var"), **values}, tmp_path)


def test_without_any_setting_the_embedded_defaults_apply(tmp_path: Path) -> None:
    found = read(tmp_path)

    assert found.database["NAME"] == str(tmp_path / "var" / "gateway.sqlite3")
    assert found.redis_url == found.journal_url == found.broker_url == f"unix://{tmp_path}/var/redis.sock"
    assert str(found.bind) == "127.0.0.1:8000"
    assert found.secret_key == read(tmp_path).secret_key != found.vault_keys[0]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TIME_ZONE", "Europe/Berlln", 'TIME_ZONE is "Europe/Berlln": give a time zone by its name'),
        ("TIME_ZONE", "", 'TIME_ZONE is "": give a time zone'),
        ("RETENTION_DAYS", "many", 'RETENTION_DAYS is "many": give a whole number from 1 to 36500, for example 400.'),
        ("RETENTION_DAYS", "-1", 'RETENTION_DAYS is "-1"'),
        ("RETENTION_DAYS", "1.5", 'RETENTION_DAYS is "1.5"'),
        ("LOG_LEVEL", "loud", 'LOG_LEVEL is "loud": give one of DEBUG, INFO, WARNING, ERROR, CRITICAL.'),
        ("LOG_FORMAT", "xml", 'LOG_FORMAT is "xml": give one of console, json.'),
        ("PRE_SHIFT_AT", "6 o'clock", "it is no time of day; write it like 06:30"),
        ("WORKING_HOURS", "always", 'WORKING_HOURS is "always": write days and hours like mon-fri 8:00-18:00'),
        ("WORKING_HOURS", "mon-fry 8-18", "WORKING_HOURS"),
        ("WORKING_HOURS", "mon-fri 8-25", "WORKING_HOURS"),
        ("QUIET_HOURS", "0", 'QUIET_HOURS is "0": give a number from 0.1 to 24, for example 2.'),
        ("REDIS_URL", "http://x", 'REDIS_URL: its kind is "http"; write redis://HOST:6379/0'),
        ("REDIS_URL", "redis://x:99999/0", "REDIS_URL: its port must be a number from 1 to 65535"),
        ("JOURNAL_URL", "sentinel://a,b", "JOURNAL_URL: it names no master"),
        ("BROKER_URL", "amqp://x", 'BROKER_URL: its kind is "amqp"'),
        ("VAULT_KEYS", "abc", "VAULT_KEYS: key 1 has 3 characters, and 20 are needed: put a new key before it"),
        ("SECRET_KEY", "short", "SECRET_KEY: it has 5 characters, and 20 are needed: give a new random one"),
        ("FLAGGED_TARGET_PERCENT", "150", "give a number from 0 to 100, for example 99."),
        ("FLAG_WRITE_GIVE_UP_DAYS", "nan", "FLAG_WRITE_GIVE_UP_DAYS"),
        ("BIND", "127.0.0.1:70000", 'BIND is "127.0.0.1:70000": give HOST:PORT with a port from 1 to 65535'),
        ("BIND", "8000", 'BIND is "8000"'),
        ("BEHIND_TLS", "maybe", 'BEHIND_TLS is "maybe": give 1 (yes) or 0 (no).'),
        ("CSRF_TRUSTED_ORIGINS", "gateway.example.org", "begin each with https://"),
        ("QMS_ENDPOINTS", "10.0.0.0/99", "QMS_ENDPOINTS"),
        ("WEB_WORKERS", "none", "WEB_WORKERS"),
        ("EMAIL_URL", "mail.example.org", "EMAIL_URL: give an address like smtp+tls://"),
        ("EMAIL_URL", "smtp://mail.example.org:99999", "EMAIL_URL"),
        ("DATABASE_POOLER", "session", "give one of (empty), transaction."),
        ("DATABASE_URL", "mysql://x/y", 'DATABASE_URL: its kind is "mysql"; write postgres://'),
        ("DATABASE_URL", "postgres://u:p@h:port/db", "DATABASE_URL: it cannot be read"),
        ("DATABASE_URL", "postgres://u:p@h:70000/db", "DATABASE_URL: it cannot be read (a port is"),
        ("DATABASE_URL", "postgres://u:p@h", "DATABASE_URL: it names no database"),
        ("DATABASE_URL", "postgres://u:p@h/db?sslmod=require", "libpq refuses its options: invalid connection option"),
        ("DATABASE_URL", "postgres://u:p@h/db?sslrootcert=/no/file", "its option sslrootcert names /no/file, which is"),
        ("DATABASE_URL", "sqlite:////no/such/folder/x.sqlite3", "its folder /no/such/folder does not exist"),
        (
            "SECRET_KEY_FILE",
            "/no/such/file",
            'SECRET_KEY_FILE is "/no/such/file": the file cannot be read (No such file',
        ),
        ("SUB_PATH", "gateway", 'SUB_PATH is "gateway": give a path like /gateway, of letters, digits, - and _.'),
        (
            "PUBLIC_URL",
            "gateway.example.org",
            'PUBLIC_URL is "gateway.example.org": give the address of the gateway in',
        ),
        ("PUBLIC_URL", "https://x.example.org/calls", "its path must be that of SUB_PATH, which is empty"),
        ("REPORT_MAIL_TO", "the boss", 'REPORT_MAIL_TO is "the boss": give mail addresses with commas between them'),
        ("REPORT_MAIL_TO", "a@example.org", "mailing needs a mail server: give EMAIL_URL too"),
        ("SUB_PATH", "//example.org", 'SUB_PATH is "//example.org"'),
        ("SPOOL_DIR", "/proc/spool", 'SPOOL_DIR is "/proc/spool": the folder cannot be written to'),
        ("GATEWAY_VAR", "/proc/var", 'GATEWAY_VAR is "/proc/var": the folder cannot be written to'),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_would_do(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, **{name: value})

    (problem,) = refused.value.problems
    assert sentence in problem


def test_all_that_is_wrong_is_named_at_once_and_no_secret_is_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, RETENTION_DAYS="x", VAULT_KEYS="hunter2", DATABASE_URL="postgres://u:hunter2@h/db?bad=1")

    assert str(refused.value).startswith("3 settings cannot be used:")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, ""),
        ({"PUBLIC_URL": "https://x.example.org/"}, "https://x.example.org"),
        ({"PUBLIC_URL": "https://x.example.org:8443/calls/", "SUB_PATH": "/calls"}, "https://x.example.org:8443/calls"),
        ({"PUBLIC_URL": "https://x.example.org", "SUB_PATH": "/calls/"}, "https://x.example.org/calls"),
        ({"CSRF_TRUSTED_ORIGINS": "https://*.example.org,https://y.example.org"}, "https://y.example.org"),
    ],
)
def test_where_people_reach_the_gateway_is_given_or_follows_from_the_trusted_origins(
    tmp_path: Path, values: dict[str, str], address: str
) -> None:
    assert read(tmp_path, **values).public_url == address


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of more than twenty characters\n")

    assert read(tmp_path, SECRET_KEY_FILE=str(tmp_path / "key")).secret_key == "a key of more than twenty characters"


@pytest.mark.parametrize(
    ("text", "bind", "dialled"),
    [
        ("127.0.0.1:8000", Bind("127.0.0.1", 8000), "127.0.0.1:8000"),
        ("0.0.0.0:80", Bind("0.0.0.0", 80), "127.0.0.1:80"),
        (":80", Bind("", 80), "127.0.0.1:80"),
        ("[::]:8000", Bind("::", 8000), "[::1]:8000"),
        ("[fd12::1]:8000", Bind("fd12::1", 8000), "[fd12::1]:8000"),
    ],
)
def test_an_address_to_listen_at_may_be_of_either_kind(text: str, bind: Bind, dialled: str) -> None:
    assert parse_bind(text) == bind
    assert str(bind.dialled) == dialled


def test_every_option_of_the_databases_address_is_kept(tmp_path: Path) -> None:
    url = "postgres://u:p@h1:5432,h2:5433/db?sslmode=require&target_session_attrs=read-write&connect_timeout=2"

    found = database(url, tmp_path)

    assert (found["HOST"], found["PORT"]) == ("h1,h2", "5432,5433")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"
    assert int(found["OPTIONS"]["connect_timeout"]) == 2
    assert all(f"-c {name}={value}" in found["OPTIONS"]["options"] for name, value in SESSION_LIMITS.items())


def test_a_limit_in_the_databases_address_stands(tmp_path: Path) -> None:
    options = database("postgres://u:p@h/db?options=-c%20lock_timeout%3D1s", tmp_path)["OPTIONS"]["options"]

    assert options.count("lock_timeout") == 1
    assert "-c lock_timeout=1s" in options
    assert "-c statement_timeout=30s" in options


def test_behind_a_pooler_nothing_is_set_for_a_session(tmp_path: Path) -> None:
    found = database("postgres://u:p@h/db?sslmode=require", tmp_path, "transaction")

    assert "options" not in found["OPTIONS"]
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True


@pytest.mark.slow
@pytest.mark.parametrize("command", [["manage.py", "check"], ["-m", "launcher", "up"]])
def test_a_command_with_bad_settings_ends_with_the_sentence_and_no_traceback(
    tmp_path: Path, command: list[str]
) -> None:
    values = {"GATEWAY_VAR": str(tmp_path), "RETENTION_DAYS": "many", "GATEWAY_ENV_FILE": os.devnull}

    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | values, capture_output=True, text=True, check=False
    )

    assert done.returncode == 3
    assert 'RETENTION_DAYS is "many"' in done.stderr
    assert "Traceback" not in done.stderr


def test_celerys_command_line_takes_the_broker_from_the_settings(tmp_path: Path) -> None:
    site = "sentinel://a:1,b:2/gateway/2"
    settings = {"BROKER_URL": site, "REDIS_URL": site, "GATEWAY_VAR": str(tmp_path)}
    command = [sys.executable, "-m", "celery", "-A", "gateway_site", "report"]

    said = subprocess.run(
        command, cwd=ROOT, env=sealed_environment() | settings, check=True, capture_output=True, text=True
    )

    assert "CELERY_BROKER_URL: 'sentinel://a:1/2;sentinel://b:2/2'" in said.stdout
