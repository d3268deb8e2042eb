"""A wrong setting stops the start with a sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "PATH": os.environ["PATH"],
    "DATABASE_URL": "postgresql://nobody@127.0.0.1/nothing",
    "REDIS_URL": "redis://127.0.0.1/0",
    "SECRET_KEY": "Zk3vQ9pLw7Tn2bXe8sYd4mHc6rJf1gUa5",
    "TRACKING_KEYS": "k1:" + "9f3c1e7a5b8d2046c1a97e35d8f0b264",
    "ADDRESS_KEYS": "a1:" + "27d4b0e93f6a8c15e0b7429d1c6f583a",
    "DATA_KEYS": "d1:" + "b85e1f07d39c64a2f71d0c8e46b93a5f",
    "BASE_URL": "https://groundswell.example.org",
    "TRACKING_URL": "https://links.example.org",
    "EMAIL_URL": "smtp://mail.example.org",
    "DEFAULT_FROM_EMAIL": "a@example.org",
    "RETURN_DOMAIN": "bounce.example.org",
}


_HOST = "import django; django.setup(); from django.conf import settings; print(settings.DATABASES['default']['HOST'])"


def start(*, code: str = _HOST, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in {**GOOD, **environ}.items() if value}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**given, "DJANGO_SETTINGS_MODULE": "crm.settings"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_complete_environment_starts() -> None:
    done = start()

    assert (done.returncode, done.stdout.strip()) == (0, "127.0.0.1"), done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://x/y"),
        ("REDIS_URL", "localhost:6379"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("TRACKING_KEYS", ""),
        ("TRACKING_KEYS", "k1:not-hex"),
        ("ADDRESS_KEYS", "abcdef"),
        ("DATA_KEYS", ""),
        ("DATA_KEYS", "d1:ef"),
        ("BASE_URL", "groundswell.example.org"),
        ("TRACKING_URL", "http://links.example.org"),
        ("EMAIL_URL", "mail.example.org"),
        ("TRUSTED_HOPS", "1"),  # without TRUST_PROXY
        ("TRUSTED_HOPS", "two"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", ".example.org"),
        ("DEBUG", "perhaps"),
        ("INVITATION_DAYS", "0"),
        ("CONN_MAX_AGE", "soon"),
        ("CACHE_URL", "cache:6379"),
        ("DEBUG", "true"),  # not on a laptop
        ("DATABASE_URL", "postgresql://groundswell:change-me@db/groundswell"),
        ("DATABASE_URL", "postgresql://postgres:postgres@db/groundswell"),
        ("SECRET_KEY", "x" * 40),
        ("SECRET_KEY", "0123456789abcdef" * 3),
        ("SECRET_KEY", "django-insecure-8Fq3v9pLw7Tn2bXe8sYd4mHc6rJf1gUa5"),
        ("METRICS_TOKEN", "Zk3vQ9pLw7Tn2bXe"),
        ("METRICS_TOKEN", "change-me-Zk3vQ9pLw7Tn2bXe8s"),
        ("TRACKING_KEYS", "k1:" + "ab" * 32),
        ("TRACKING_KEYS", "k1:" + "0123456789abcdef" * 4),
        ("TRACKING_KEYS", f"{GOOD['TRACKING_KEYS']},k0:{'00' * 32}"),  # an old key verifies too
        ("ADDRESS_KEYS", "a1:" + bytes(range(32)).hex()),
        ("DATA_KEYS", "d1:" + "0123456789abcdef0123456789abcdef"),
        ("DATA_KEYS", "d1:" + GOOD["TRACKING_KEYS"].partition(":")[2]),
    ],
)
def test_wrong_setting_is_named(name: str, value: str) -> None:
    done = start(**{name: value})

    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def test_the_sentence_does_not_show_the_secret() -> None:
    done = start(SECRET_KEY="change-me-" + "Zk3vQ9pLw7Tn2bXe8sYd4mHc6rJf1gUa5")

    assert "SECRET_KEY holds a secret from an example" in done.stderr
    assert "Zk3vQ9pLw7" not in done.stderr


def test_a_laptop_may_debug_with_any_secret() -> None:
    done = start(LOCAL="true", DEBUG="true", SECRET_KEY="x" * 40, TRACKING_KEYS="k1:" + "ab" * 32)

    assert done.returncode == 0, done.stderr


def test_cache_is_the_broker_unless_it_has_a_server_of_its_own() -> None:
    where = "from django.conf import settings as s; print(s.CACHES['default']['LOCATION'], s.CELERY_BROKER_URL)"

    assert start(code=where).stdout.split() == ["redis://127.0.0.1/0", "redis://127.0.0.1/0"]
    assert start(code=where, CACHE_URL="redis://cache/1").stdout.split() == ["redis://cache/1", "redis://127.0.0.1/0"]


def test_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(GOOD["SECRET_KEY"][::-1] + "\n")

    assert start(SECRET_KEY="", SECRET_KEY_FILE=str(secret)).returncode == 0
    missing = start(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "none"))

    assert "SECRET_KEY_FILE" in missing.stderr.strip().splitlines()[-1]
