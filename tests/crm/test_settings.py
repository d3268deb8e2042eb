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
    "SECRET_KEY": "x" * 40,
    "TRACKING_KEYS": "k1:" + "ab" * 32,
    "ADDRESS_KEYS": "a1:" + "cd" * 32,
    "DATA_KEYS": "d1:" + "ef" * 32,
    "BASE_URL": "https://groundswell.example.org",
    "TRACKING_URL": "https://links.example.org",
    "EMAIL_URL": "smtp://mail.example.org",
    "DEFAULT_FROM_EMAIL": "a@example.org",
    "RETURN_DOMAIN": "bounce.example.org",
}


def start(**environ: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import django; django.setup(); from django.conf import settings; print(settings.DATABASES['default']['HOST'])"
    )
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
    ],
)
def test_wrong_setting_is_named(name: str, value: str) -> None:
    done = start(**{name: value})

    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def test_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("y" * 40 + "\n")

    assert start(SECRET_KEY="", SECRET_KEY_FILE=str(secret)).returncode == 0
    missing = start(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "none"))

    assert "SECRET_KEY_FILE" in missing.stderr.strip().splitlines()[-1]
