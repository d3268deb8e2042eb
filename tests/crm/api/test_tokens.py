"""Tokens: made once, shown once, kept as a hash; expiry, revocation, last use, and what the history says."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urljoin

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.directory.models import Person
from crm.api import auth, rates, services
from crm.api.models import ApiToken
from crm.audit.models import AuditEntry
from crm.errors import Invalid, NotAllowed
from tests.factories import ApiTokenFactory, GrantFactory, PersonFactory


def test_made_on_the_screen_shown_once_and_kept_as_a_hash(planner, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(planner)

    page = client.post("/tokens/new/", {"name": "Website", "scopes": ["directory"], "days": "30"})

    text = re.search(r"gsw_[\w-]{43}", page.content.decode())[0]  # type: ignore[index]
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.prefix) == ("Website", ["read", "directory"], text[:10])
    assert token.expires_at and timedelta(days=29) < token.expires_at - timezone.now() < timedelta(days=30)
    assert text not in client.get("/tokens/").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM crm_apitoken t")
        assert text not in cursor.fetchone()[0]
    assert services.find_token(text) == token
    assert AuditEntry.objects.get(verb="apitoken.created").actor == planner


def test_scope_that_the_role_cannot_use_is_not_offered(viewer, sign_in) -> None:  # type: ignore[no-untyped-def]
    page = sign_in(viewer).get("/tokens/new/").content.decode()

    assert 'value="approve"' not in page
    with pytest.raises(Invalid):
        services.create_token(user=viewer, name="x", scopes=["approve"], expires_at=None, actor=viewer)
    assert not ApiToken.objects.exists()


def test_nobody_makes_a_token_for_somebody_else(admin, planner) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotAllowed):
        services.create_token(user=planner, name="x", scopes=[], expires_at=None, actor=admin)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "token_expired"),
        ({"revoked_at": timezone.now()}, "token_revoked"),
    ],
)
def test_token_that_is_over_is_refused(api, planner, change: dict, code: str) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    ApiToken.objects.update(**change)

    assert client.get("/me", status=401).json()["code"] == code


def test_user_who_may_not_sign_in_any_more_has_no_tokens(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    planner.is_active = False
    planner.save()

    assert client.get("/me", status=401).json()["code"] == "user_inactive"


def test_token_follows_the_grants_of_today(api, planner) -> None:  # type: ignore[no-untyped-def]
    PersonFactory(country__code="TD")
    client = api(planner)
    assert len(client.get("/people").json()["data"]) == 1

    planner.grants.all().delete()
    GrantFactory(user=planner, role="viewer", is_everywhere=False, countries=["ZM"])

    assert client.get("/people").json()["data"] == []
    client.post("/people", {"name": "x"}, status=403)


def test_last_use_is_written_once_a_minute(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    client.get("/me")
    first = ApiToken.objects.get().last_used_at
    client.get("/me")

    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    client.get("/me")
    assert ApiToken.objects.get().last_used_at > first


def test_history_names_the_door_and_the_token(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)

    client.post("/people", {"name": "Amina"})

    entry = AuditEntry.objects.get(verb="person.created")
    assert (entry.actor, entry.door, entry.token) == (planner, "token", client.token)


def test_the_door_closes_behind_a_request(api, planner, sign_in) -> None:  # type: ignore[no-untyped-def]
    person = PersonFactory()
    api(planner).get("/me")

    sign_in(planner).post(f"/directory/people/{person.uid}/archive/")

    entry = AuditEntry.objects.get(verb="person.archived")
    assert (entry.door, entry.token) == ("screen", None)


def test_revoked_by_its_user_or_by_an_administrator_only(planner, editor, admin, sign_in) -> None:  # type: ignore[no-untyped-def]
    token = ApiTokenFactory(user=planner)

    assert sign_in(editor).post(f"/tokens/{token.uid}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
    assert planner.name in sign_in(admin).get("/settings/tokens/").content.decode()
    assert sign_in(admin).post(f"/tokens/{token.uid}/revoke/").headers["Location"] == "/settings/tokens/"
    token.refresh_from_db()
    assert token.revoked_at is not None
    sign_in(planner).post(f"/tokens/{token.uid}/revoke/")
    assert AuditEntry.objects.filter(verb="apitoken.revoked").count() == 1


def test_token_lasts_as_long_as_the_key_that_it_was_made_with(api, planner, settings) -> None:  # type: ignore[no-untyped-def]
    """docs/operators/upgrading.md says so, and what to do before a key is dropped."""
    client, made_with = api(planner), settings.TRACKING_KEYS

    settings.TRACKING_KEYS = {"new": b"n" * 32, **made_with}
    client.get("/me", status=200)
    settings.TRACKING_KEYS = {"new": b"n" * 32}
    client.get("/me", status=401)


def test_list_of_tokens_goes_on_behind_its_first_page_and_shows_revoked_ones_apart(admin, planner, sign_in) -> None:  # type: ignore[no-untyped-def]
    made = [ApiTokenFactory(user=planner, name=f"Program {number:03}") for number in range(60)]
    ended = ApiTokenFactory(user=planner, name="Program that ended", revoked_at=timezone.now())
    client = sign_in(admin)

    first = client.get("/settings/tokens/")
    following = unescape(re.findall(r'rel="next" href="([^"]+)"', first.content.decode())[0])
    second = client.get(urljoin("/settings/tokens/", following))
    revoked = client.get("/settings/tokens/?revoked=1").content.decode()

    shown = first.content.decode() + second.content.decode()
    assert [token.name for token in made if token.name not in shown] == []
    assert ended.name not in shown
    assert ended.name in revoked and made[0].name not in revoked


def test_limit_is_counted_per_token_and_told(api, planner, settings) -> None:  # type: ignore[no-untyped-def]
    settings.API_RATE_PER_MINUTE = 2
    client, other = api(planner), api(planner)

    assert client.get("/me").headers["RateLimit-Remaining"] == "1"
    client.get("/me")
    refused = client.get("/me", status=429)

    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Limit"] == "2"
    other.get("/me")


def test_cache_that_does_not_answer_limits_nobody(api, planner, settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere/valkey.sock"}
    }

    response = api(planner).get("/me")

    assert "RateLimit-Limit" not in response.headers
    assert rates.count(1) is None


def test_wrong_tokens_from_one_address_are_limited(db: None, client) -> None:  # type: ignore[no-untyped-def]
    cache.clear()
    statuses = [
        client.get("/api/v1/me", headers={"Authorization": f"Bearer gsw_{number}"}).status_code for number in range(62)
    ]

    assert statuses[:60] == [401] * 60
    assert statuses[-1] == 429


def test_one_request_asks_for_the_token_and_the_grants_once(api, planner) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    client.get("/me")

    with CaptureQueriesContext(connection) as captured:
        client.get("/me")

    assert len(captured) == 2
    assert Person.objects.count() == 0


def test_wrong_tokens_are_counted_by_the_client_behind_the_proxy(db, settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Not by the proxy's own address, which all clients share, and not by what a client wrote into the header itself."""
    settings.TRUSTED_HOPS = 1
    monkeypatch.setattr(auth, "FAILURES", 3)

    def tried(forwarded: str) -> int:
        headers = {"Authorization": "Bearer gsw_wrong", "X-Forwarded-For": forwarded}
        return Client().get("/api/v1/me", headers=headers).status_code

    statuses = [tried(f"192.0.2.{number}, 198.51.100.7") for number in range(5)]

    assert statuses == [401, 401, 401, 429, 429]
    assert tried("198.51.100.7, 198.51.100.8") == 401
