"""What a load balancer asks."""

from django.test import Client


def test_healthz_answers_without_a_database() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


def test_readyz_says_what_does_not_answer(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    assert Client().get("/readyz").json() == {"ready": True, "problems": {}}

    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    response = Client().get("/readyz")

    assert response.status_code == 503
    assert list(response.json()["problems"]) == ["valkey"]


def test_readyz_asks_the_broker_too_where_it_is_another_server(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    settings.REDIS_URL = "redis://127.0.0.1:1"  # CACHES keeps the server that answers

    assert Client().get("/readyz").json() == {"ready": False, "problems": {"valkey": "ConnectionError"}}


def test_answer_carries_a_strict_policy(db: None) -> None:
    policy = Client().get("/accounts/login/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
