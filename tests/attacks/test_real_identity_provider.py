"""Single sign-on with a certified identity provider, oidc-provider, which npm installs for the tests.

What it would never sign (another issuer, no subject ...) is in ``test_single_sign_on.py``.
"""

import html
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from devtools.servers import free_port
from gateway_site.login.session_rules import RENEW_AT
from gateway_site.login.single_sign_on.backend import SingleSignOnBackend
from gateway_site.roles import AUDITOR, OPERATOR
from launcher.paths import ROOT

FOLDER = ROOT / "devtools" / "identity_provider"
CALLBACK = "http://testserver/admin/single-sign-on/callback/"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.nightly,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Debian's npm is not installed"),
]


class RealProvider:
    """The provider as a process; ``groups`` sets whose groups are which."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._port = free_port()
        self.issuer = f"http://127.0.0.1:{self._port}"
        self._accounts = folder / "accounts.json"
        self.groups(["gw-ops"])
        command = ["node", "provider.mjs", str(self._port), str(self._accounts), CALLBACK]
        self._process = subprocess.Popen(command, cwd=program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def groups(self, names: list[str] | None) -> None:
        """Set the groups of the one account there is."""
        claims: dict[str, Any] = {"preferred_username": "olga"} | ({"groups": names} if names is not None else {})
        self._accounts.write_text(json.dumps({"u-1": claims}))

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the provider does not start")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def enter(self, address: str) -> str:
        """Log in at the provider's own pages, consent, and return the address that leads back."""
        with requests.Session() as browser:
            answer = browser.get(address, allow_redirects=False, timeout=10)
            for _ in range(20):
                if answer.is_redirect:
                    following = requests.compat.urljoin(answer.url, answer.headers["Location"])
                    if following.startswith(CALLBACK):
                        return following
                    answer = browser.get(following, allow_redirects=False, timeout=10)
                else:
                    action = html.unescape(re.findall(r'action="([^"]+)"', answer.text)[0])
                    prompt = re.findall(r'name="prompt" value="(\w+)"', answer.text)[0]
                    form = {"prompt": prompt, "login": "u-1", "password": "any"}
                    answer = browser.post(
                        requests.compat.urljoin(answer.url, action), data=form, allow_redirects=False, timeout=10
                    )
        raise AssertionError("the provider leads nowhere")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the provider once, by its lock."""
    folder = tmp_path_factory.mktemp("provider") / "program"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return folder


@pytest.fixture
def provider(program: Path, tmp_path: Path, settings: Settings) -> Iterator[RealProvider]:
    """Run the provider, and let the gateway know it."""
    cache.clear()
    one = RealProvider(program, tmp_path)
    settings.OIDC_ISSUER, settings.OIDC_ROLES = one.issuer, {"gw-ops": OPERATOR, "gw-audit": AUDITOR}
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = "gateway", "a-secret-of-the-client"
    settings.OIDC_RP_SCOPES = "openid profile groups"
    yield one
    one.close()
    cache.clear()


def _log_in(client: Client, provider: RealProvider) -> Any:
    begun = client.get(reverse("single-sign-on"), {"next": "/admin/calls/leg/"})
    back = urlsplit(provider.enter(begun.headers["Location"]))
    return client.get(f"{back.path}?{back.query}")


def _is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def _said(client: Client) -> str:
    return client.get(reverse("admin:login")).content.decode()


def test_a_person_logs_in_with_the_role_of_the_group(provider: RealProvider) -> None:
    client = Client()

    answer = _log_in(client, provider)

    assert answer.headers["Location"] == "/admin/calls/leg/"
    assert _is_in(client)
    assert list(User.objects.get(username="olga").groups.values_list("name", flat=True)) == [OPERATOR]


def test_a_group_that_was_removed_is_a_role_lost(provider: RealProvider) -> None:
    client = Client()
    _log_in(client, provider)
    provider.groups(["gw-audit"])
    _log_in(client, provider)
    assert list(User.objects.get(username="olga").groups.values_list("name", flat=True)) == [AUDITOR]

    provider.groups([])
    session = client.session
    session[RENEW_AT] = time.time() - 1
    session.save()
    assert client.get(reverse("admin:index")).headers["Location"].startswith(reverse("single-sign-on"))
    _log_in(client, provider)

    assert not _is_in(client)
    assert "None of your groups" in _said(client)
    assert not User.objects.get(username="olga").groups.exists()


@pytest.mark.parametrize("groups", [None, ["others"]])
def test_a_person_without_a_group_stays_out(groups: list[str] | None, provider: RealProvider) -> None:
    provider.groups(groups)
    client = Client()

    _log_in(client, provider)

    assert not _is_in(client)
    assert not User.objects.filter(username="olga").exists()


def test_another_nonce_is_refused(provider: RealProvider) -> None:
    client = Client()
    back = urlsplit(provider.enter(client.get(reverse("single-sign-on")).headers["Location"]))
    session = client.session
    for one in session["oidc_states"].values():
        one["nonce"] = "of-another-log-in"
    session.save()

    client.get(f"{back.path}?{back.query}")

    assert not _is_in(client)
    assert "not valid" in _said(client)


def test_another_code_verifier_is_refused_by_the_provider(provider: RealProvider) -> None:
    client = Client()
    back = urlsplit(provider.enter(client.get(reverse("single-sign-on")).headers["Location"]))
    session = client.session
    for one in session["oidc_states"].values():
        one["code_verifier"] = "x" * 64
    session.save()

    client.get(f"{back.path}?{back.query}")

    assert not _is_in(client)
    assert "does not answer as it should" in _said(client)


def test_a_token_that_has_expired_is_refused(provider: RealProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    back = urlsplit(provider.enter(client.get(reverse("single-sign-on")).headers["Location"]))

    class Later:
        @staticmethod
        def now(tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=2)

    monkeypatch.setattr("jwt.api_jwt.datetime", Later)
    client.get(f"{back.path}?{back.query}")

    assert not _is_in(client)
    assert "expired" in _said(client)


def test_a_token_for_another_application_is_refused(
    provider: RealProvider, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is real and of the same provider, and a thief plants it in the log-in here."""
    exchange = SingleSignOnBackend.get_token

    def planted(self: Any, payload: dict[str, str]) -> Any:
        answer = exchange(self, payload)
        self.OIDC_RP_CLIENT_ID = "gateway"
        return answer

    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = "another", "a-secret-of-another"
    monkeypatch.setattr(SingleSignOnBackend, "get_token", planted)
    client = Client()

    _log_in(client, provider)

    assert not _is_in(client)
    assert "another application" in _said(client)


def test_another_issuer_is_refused(provider: RealProvider, settings: Settings) -> None:
    settings.OIDC_ISSUER = provider.issuer.replace("127.0.0.1", "localhost")
    client = Client()

    assert client.get(reverse("single-sign-on")).headers["Location"] == reverse("admin:login")
    assert "another issuer" in _said(client)
