"""Somebody comes back from the identity provider with what it never gave them, or lost what it gave them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from gateway_site.config.environment import SettingsError, environment
from gateway_site.login.models import SignOnIdentity
from gateway_site.login.session_rules import FORM_SECONDS, RENEW_AT
from gateway_site.roles import ADMINISTRATOR, OPERATOR
from tests.attacks.actors import PASSWORD, person
from tests.attacks.identity_provider import CLIENT, KEYS, SECRET, ForgingProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: Settings) -> Iterator[ForgingProvider]:
    """Serve an identity provider that the gateway knows."""
    cache.clear()
    one = ForgingProvider()
    settings.OIDC_ISSUER, settings.OIDC_ROLES = one.issuer, {"gw-ops": OPERATOR, "gw-admins": ADMINISTRATOR}
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = CLIENT, SECRET
    yield one
    one.close()
    cache.clear()


def _said(client: Client) -> str:
    return client.get(reverse("admin:login")).content.decode()


def _is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def test_a_group_becomes_a_role_and_the_history_says_by_which_way(provider: ForgingProvider) -> None:
    """Before: there were local passwords alone."""
    client = Client(REMOTE_ADDR="203.0.113.9")

    answer = provider.log_in(client)

    olga = User.objects.get(username="olga")
    assert answer.headers["Location"] == "/admin/calls/leg/"
    assert _is_in(client)
    assert list(olga.groups.values_list("name", flat=True)) == [OPERATOR]
    assert (olga.is_staff, olga.is_superuser, olga.has_usable_password()) == (True, False, False)
    kept = list(LogEntry.objects.filter(user=olga).order_by("id").values_list("change_message", flat=True))
    assert kept == [
        "Roles by the identity provider: none \N{RIGHTWARDS ARROW} Operator.",
        "Logged in by single sign-on from 203.0.113.9.",
    ]
    assert len(provider.asked[0]["code_verifier"][0]) >= 43, "PKCE"


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"aud": "another-application"}, "another application"),
        ({"aud": [CLIENT, "another-application"]}, "another application"),
        ({"azp": "another-application"}, "another application"),
        ({"nonce": "of-another-browser"}, "not valid"),
        ({"nonce": None}, "not valid"),
        ({"exp": NOW - 120, "iat": NOW - 500}, "expired"),
        ({"exp": None}, "not valid"),
        ({"iat": NOW + 3600}, "not valid"),
        ({"sub": None}, "not valid"),
        ({"groups": []}, "None of your groups"),
        ({"groups": ["somebody-elses"]}, "None of your groups"),
        ({"groups": None}, "None of your groups"),
    ],
)
def test_a_token_that_is_not_for_this_log_in_opens_nothing(
    claims: dict[str, Any], reason: str, provider: ForgingProvider
) -> None:
    client = Client(REMOTE_ADDR="203.0.113.9")

    answer = provider.log_in(client, **claims)

    assert answer.headers["Location"] == reverse("admin:login")
    assert not _is_in(client)
    assert reason in _said(client)
    assert not User.objects.filter(username="olga").exists()
    (entry,) = LogEntry.objects.filter(change_message__startswith="Single sign-on failed, from 203.0.113.9.")
    assert reason in entry.change_message


@pytest.mark.parametrize(("key", "algorithm"), [(KEYS[1], "RS256"), ("s" * 64, "HS256"), (None, "none")])
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    key: Any, algorithm: str, provider: ForgingProvider
) -> None:
    provider.key, provider.algorithm = key, algorithm
    client = Client()

    provider.log_in(client)

    assert not _is_in(client)


def test_a_state_of_another_browser_opens_nothing_and_logs_nobody_out(provider: ForgingProvider) -> None:
    client, victim = Client(), Client()
    victim.force_login(person(OPERATOR), backend="django.contrib.auth.backends.ModelBackend")

    provider.log_in(client)
    victim.get("/admin/single-sign-on/callback/", {"code": "c", "state": "made-up"})
    victim.get("/admin/single-sign-on/callback/", {"error": "access_denied", "state": "made-up"})

    assert _is_in(victim)
    assert victim.get(reverse("admin:index")).wsgi_request.user.username == "operator"


def test_an_answer_is_used_once(provider: ForgingProvider) -> None:
    client = Client()
    answer = provider.log_in(client)
    query = answer.wsgi_request.META["QUERY_STRING"]
    client.logout()

    client.get(f"/admin/single-sign-on/callback/?{query}")

    assert not _is_in(client)


def test_who_lost_the_group_loses_the_role_at_the_next_renewal(provider: ForgingProvider) -> None:
    client, other = Client(), Client()
    provider.log_in(client)
    provider.log_in(other)
    session = client.session
    session[RENEW_AT] = time.time() - 1
    session.save()

    assert client.get("/admin/calls/leg/?outcome=flagged").headers["Location"].startswith(reverse("single-sign-on"))
    provider.log_in(client, groups=["somebody-elses"])

    olga = User.objects.get(username="olga")
    assert not olga.groups.exists()
    assert not _is_in(client)
    assert not _is_in(other), "nor in another browser, whose session is younger"


def test_another_group_is_another_role(provider: ForgingProvider) -> None:
    client = Client()
    provider.log_in(client)
    provider.log_in(client, groups=["gw-admins"])

    assert list(User.objects.get(username="olga").groups.values_list("name", flat=True)) == [ADMINISTRATOR]


def test_forms_do_not_put_the_renewal_off_without_end(provider: ForgingProvider) -> None:
    client = Client()
    provider.log_in(client)
    for late, status in ((1, 200), (FORM_SECONDS + 1, 302)):
        session = client.session
        session[RENEW_AT] = time.time() - late
        session.save()
        assert client.post(reverse("admin:calls_leg_changelist")).status_code == status


def test_a_renewal_that_fails_ends_the_session_and_does_not_lead_in_a_circle(provider: ForgingProvider) -> None:
    client = Client()
    provider.log_in(client)
    session = client.session
    session[RENEW_AT] = time.time() - 1
    session.save()
    provider.close()
    cache.clear()

    answer = client.get(reverse("admin:index"), follow=True)

    assert [address for address, _ in answer.redirect_chain][-1] == reverse("admin:login")
    assert "does not answer as it should" in answer.content.decode()


def test_a_local_account_is_never_taken_over_by_its_name(provider: ForgingProvider) -> None:
    local = person(ADMINISTRATOR, "olga")
    client = Client()

    provider.log_in(client, sub="stranger")

    assert not _is_in(client)
    assert "Another account here has your user name" in _said(client)
    assert not SignOnIdentity.objects.filter(user=local).exists()


def test_an_account_is_known_by_its_subject_whatever_name_it_has_by_now(provider: ForgingProvider) -> None:
    provider.log_in(Client())
    provider.log_in(Client(), preferred_username="olga-married")

    assert User.objects.filter(sign_on_identity__subject="u-1").get().username == "olga"


def test_an_account_that_was_made_inactive_stays_out(provider: ForgingProvider) -> None:
    client = Client()
    provider.log_in(client)
    User.objects.filter(username="olga").update(is_active=False)

    provider.log_in(client)

    assert not _is_in(client)
    assert "not active" in _said(client)


def test_groups_of_the_user_info_count_only_where_it_is_of_the_same_person(provider: ForgingProvider) -> None:
    client = Client()
    provider.user_info = {"sub": "u-2", "groups": ["gw-admins"]}
    provider.log_in(client, groups=None)
    assert not _is_in(client)

    provider.user_info = {"sub": "u-1", "groups": ["gw-ops"]}
    provider.log_in(client, groups=None)
    assert _is_in(client)


def test_groups_may_stand_deeper_in_the_token(provider: ForgingProvider, settings: Settings) -> None:
    settings.OIDC_GROUPS_CLAIM = "realm_access.roles"
    client = Client()

    provider.log_in(client, groups=None, realm_access={"roles": ["gw-ops"]})

    assert _is_in(client)


def test_a_provider_that_calls_itself_otherwise_is_not_believed(provider: ForgingProvider) -> None:
    provider.document = {"issuer": "https://evil.example"}
    client = Client()

    assert client.get(reverse("single-sign-on")).headers["Location"] == reverse("admin:login")
    assert "another issuer than OIDC_ISSUER" in _said(client)


def test_an_answer_of_another_provider_is_refused(provider: ForgingProvider) -> None:
    """RFC 9207: where two providers are mixed up, the answer says which one it is of."""
    client = Client()
    begun = client.get(reverse("single-sign-on")).headers["Location"]
    state = begun.partition("state=")[2].partition("&")[0]

    client.get("/admin/single-sign-on/callback/", {"code": "c", "state": state, "iss": "https://evil.example"})

    assert provider.asked == [], "the code was not sent anywhere"


def test_the_page_that_follows_is_one_of_ours(provider: ForgingProvider) -> None:
    client = Client()
    client.get(reverse("single-sign-on"), {"next": "https://evil.example/"})

    assert client.session["oidc_login_next"] is None
    assert provider.asked == []


def test_a_local_account_gets_in_when_the_provider_is_away(provider: ForgingProvider) -> None:
    """The account for emergencies: a password, and a second factor where its role needs one."""
    provider.close()
    cache.clear()
    person(ADMINISTRATOR, "emergency")
    client = Client()

    assert client.get(reverse("single-sign-on")).status_code == 302
    client.post(reverse("admin:login"), {"username": "emergency", "password": PASSWORD})

    assert _is_in(client)


def test_the_second_factor_is_asked_for_here_unless_the_provider_does(
    provider: ForgingProvider, settings: Settings
) -> None:
    settings.TWO_FACTOR_ROLES = [OPERATOR]
    client = Client()
    provider.log_in(client)

    assert client.get(reverse("admin:index")).headers["Location"].startswith(reverse("second-factor-setup"))
    settings.OIDC_GIVES_SECOND_FACTOR = True
    assert _is_in(client)


def test_an_address_that_fails_too_often_is_not_let_through_to_the_provider(
    provider: ForgingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.login.address_throttle.MAXIMUM_FAILURES", 3)
    client = Client(REMOTE_ADDR="203.0.113.9")
    for _ in range(6):
        provider.log_in(client, nonce="wrong")

    assert len(provider.asked) == 3


def test_without_settings_there_is_no_single_sign_on() -> None:
    client = Client()

    assert client.get(reverse("single-sign-on")).status_code == 404
    assert client.get(reverse("single-sign-on-callback")).status_code == 404
    assert "single sign-on" not in _said(client)


GIVEN = {
    "OIDC_ISSUER": "https://login.example.org/realm",
    "OIDC_CLIENT_ID": CLIENT,
    "OIDC_CLIENT_SECRET": SECRET,
    "OIDC_ROLES": "gw-ops=Operator, gw-admins=Administrator",
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET: it is needed for single sign-on"),
        ({"OIDC_ISSUER": "http://login.example.org"}, "give the provider's issuer"),
        ({"OIDC_ISSUER": "https://user:x@login.example.org"}, "give the provider's issuer"),
        ({"OIDC_ROLES": "gw-ops=Operators"}, "write GROUP=ROLE"),
        ({"OIDC_SCOPES": "profile"}, '"openid" must be one of them'),
        ({"OIDC_ALGORITHM": "HS256"}, "give one of RS256"),
        ({"OIDC_ALGORITHM": "none"}, "give one of RS256"),
        ({"OIDC_RENEW_MINUTES": "0"}, "give a whole number from 1 to 480"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(changes: dict[str, str], sentence: str, tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match=sentence):
        environment({"GATEWAY_VAR": str(tmp_path), **GIVEN, **changes}, tmp_path)


def test_a_group_of_a_directory_may_hold_commas_and_equals_signs(tmp_path: Any) -> None:
    roles = "CN=Ops,OU=Groups=Operator; CN=Admins,OU=Groups=Administrator"
    found = environment({"GATEWAY_VAR": str(tmp_path), **GIVEN, "OIDC_ROLES": roles}, tmp_path).single_sign_on

    assert found.roles == {"CN=Ops,OU=Groups": OPERATOR, "CN=Admins,OU=Groups": ADMINISTRATOR}
