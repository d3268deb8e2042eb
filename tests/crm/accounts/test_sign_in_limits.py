"""Guessing is slow: per account and per client address, behind proxies too, and also while Valkey is away."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache, caches
from django.test import Client, RequestFactory
from redis.exceptions import RedisError

from crm import cache as sturdy
from crm.limits import allow_from
from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def guess(client: Client, email: str, password: str = "wrong", **headers: str) -> str:
    response = client.post("/accounts/login/", {"login": email, "password": password}, headers=headers)
    return "in" if response.status_code == 302 else response.content.decode()


def test_sixth_guess_at_one_account_is_refused_even_with_the_right_password(db: None) -> None:
    UserFactory(email="ana@example.org")
    client = Client()
    for _ in range(5):
        assert "Too many failed" not in guess(client, "ana@example.org")

    assert "Too many failed" in guess(client, "ana@example.org", "password")


def test_demos_password_opens_nothing_outside_a_laptop(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    UserFactory(email="ana@example.org", password="groundswell-demo")

    settings.LOCAL = False
    assert guess(Client(), "ana@example.org", "groundswell-demo") != "in"
    settings.LOCAL = True
    assert guess(Client(), "ana@example.org", "groundswell-demo") == "in"


def test_another_host_or_letter_case_is_not_another_account(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    """The Host header's port is the client's to choose: a count that has it in its key is no limit."""
    settings.ALLOWED_HOSTS = ["testserver"]
    UserFactory(email="ana@example.org")
    for number in range(5):
        guess(Client(), ["Ana@example.org", "ana@EXAMPLE.org"][number % 2], host=f"testserver:{8000 + number}")

    assert "Too many failed" in guess(Client(), "ana@example.org", "password", host="testserver:9999")


def test_forged_header_does_not_make_a_new_client(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    """Eleven accounts from one address in a minute: the proxy's entry counts, not what the client put before it."""
    settings.TRUSTED_HOPS = 1
    UserFactory(email="last@example.org")
    for number in range(10):
        guess(Client(), f"u{number}@example.org", **{"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.7"})

    from_there = guess(Client(), "last@example.org", "password", **{"X-Forwarded-For": "192.0.2.99, 198.51.100.7"})
    from_elsewhere = guess(
        Client(), "last@example.org", "password", **{"X-Forwarded-For": "198.51.100.7, 198.51.100.8"}
    )

    assert "Too many failed" in from_there
    assert from_elsewhere == "in"


def test_without_a_proxy_the_header_counts_for_nothing(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TRUSTED_HOPS = 0
    UserFactory(email="last@example.org")
    for number in range(10):
        guess(Client(), f"u{number}@example.org", **{"X-Forwarded-For": f"192.0.2.{number}"})

    assert "Too many failed" in guess(Client(), "last@example.org", "password", **{"X-Forwarded-For": "192.0.2.200"})


@pytest.mark.parametrize(("hops", "same"), [(0, True), (1, False), (2, True)])
def test_our_own_limits_count_by_the_same_address(settings, hops: int, same: bool) -> None:  # type: ignore[no-untyped-def]
    """Two clients behind one proxy chain; with two hops the entry before the last is what names the client."""
    settings.TRUSTED_HOPS = hops
    first = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.1")
    second = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.2")

    assert allow_from("door", first, limit=1, seconds=60)
    assert allow_from("door", second, limit=1, seconds=60) is not same


@pytest.fixture
def no_valkey(settings) -> Iterator[None]:  # type: ignore[no-untyped-def]
    location = "redis://127.0.0.1:1"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": location}}
    sturdy._until.clear()
    yield
    caches["default"]._here.clear()  # type: ignore[attr-defined]
    sturdy._until.clear()


def test_sign_in_works_and_stays_limited_while_valkey_is_away(db: None, no_valkey: None) -> None:
    UserFactory(email="ana@example.org")
    UserFactory(email="bo@example.org")

    assert guess(Client(), "bo@example.org", "password") == "in"
    for _ in range(5):
        guess(Client(), "ana@example.org")
    assert "Too many failed" in guess(Client(), "ana@example.org", "password")


def test_other_keys_say_that_valkey_is_away(no_valkey: None) -> None:
    with pytest.raises(RedisError):
        cache.set("something-else", 1)
    cache.set("limit:x", 1)

    assert cache.get("limit:x") == 1


def test_too_many_reset_mails_is_a_page_with_a_sentence(db: None) -> None:
    for _ in range(5):
        Client().post("/accounts/password/reset/", {"email": "ana@example.org"})

    response = Client().post("/accounts/password/reset/", {"email": "ana@example.org"})

    assert response.status_code == 429
    assert "Wait a minute, then try again" in response.content.decode()
